"""web3.py's integration classes over HTTP."""

from web3._utils.module_testing import EthModuleTest, NetModuleTest, Web3ModuleTest
from web3._utils.module_testing.go_ethereum_debug_module import GoEthereumDebugModuleTest
from web3._utils.module_testing.go_ethereum_txpool_module import GoEthereumTxPoolModuleTest

ACCOUNT = 1


class TestWeb3(Web3ModuleTest):
    def _check_web3_client_version(self, client_version):
        assert client_version.startswith("anvil")


class TestEth(EthModuleTest):
    pass


class TestNet(NetModuleTest):
    pass


class TestDebug(GoEthereumDebugModuleTest):
    pass


class TestTxPool(GoEthereumTxPoolModuleTest):
    pass
