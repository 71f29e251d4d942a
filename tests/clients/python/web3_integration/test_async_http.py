"""web3.py's integration classes over HTTP, without blocking."""

import pytest_asyncio
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3._utils.module_testing import AsyncEthModuleTest, AsyncNetModuleTest
from web3._utils.module_testing.go_ethereum_debug_module import GoEthereumAsyncDebugModuleTest
from web3._utils.module_testing.go_ethereum_txpool_module import GoEthereumAsyncTxPoolModuleTest
from web3._utils.module_testing.web3_module import AsyncWeb3ModuleTest

ACCOUNT = 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def async_w3(chain, endpoint_uri):
    w3 = AsyncWeb3(AsyncHTTPProvider(endpoint_uri))
    yield w3
    await w3.provider.disconnect()


class TestWeb3(AsyncWeb3ModuleTest):
    def _check_web3_client_version(self, client_version):
        assert client_version.startswith("anvil")


class TestEth(AsyncEthModuleTest):
    pass


class TestNet(AsyncNetModuleTest):
    pass


class TestDebug(GoEthereumAsyncDebugModuleTest):
    pass


class TestTxPool(GoEthereumAsyncTxPoolModuleTest):
    pass
