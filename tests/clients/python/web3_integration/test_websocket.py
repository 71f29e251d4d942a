"""web3.py's integration classes over one WebSocket, with subscriptions."""

import pytest_asyncio
from web3 import AsyncWeb3, WebSocketProvider
from web3._utils.module_testing import AsyncEthModuleTest, AsyncNetModuleTest
from web3._utils.module_testing.go_ethereum_debug_module import GoEthereumAsyncDebugModuleTest
from web3._utils.module_testing.go_ethereum_txpool_module import GoEthereumAsyncTxPoolModuleTest
from web3._utils.module_testing.persistent_connection_provider import PersistentConnectionProviderTest
from web3._utils.module_testing.web3_module import AsyncWeb3ModuleTest

# The first: a test expects its transactions to come from there.
ACCOUNT = 0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def async_w3(chain, endpoint_uri):
    async with AsyncWeb3(WebSocketProvider(endpoint_uri.replace("http", "ws", 1))) as w3:
        yield w3


class TestWeb3(AsyncWeb3ModuleTest):
    def _check_web3_client_version(self, client_version):
        assert client_version.startswith("anvil")


class TestSubscriptions(PersistentConnectionProviderTest):
    pass


class TestEth(AsyncEthModuleTest):
    pass


class TestNet(AsyncNetModuleTest):
    pass


class TestDebug(GoEthereumAsyncDebugModuleTest):
    pass


class TestTxPool(GoEthereumAsyncTxPoolModuleTest):
    pass
