"""What web3.py's own integration classes expect to find: accounts, contracts, blocks, and the connections to the node.

web3.py's classes (`web3._utils.module_testing`) are written for a chain that somebody prepared. Here it is prepared over
RPC, so that the same tests run against any dev node that mines a block a second: chain id 131277322940537, the
contracts of web3.py's package, a block with a log, one with a transfer, an empty one. Left out are the classes for
`admin_`, which start and stop geth's own servers and add peers to it.

PRALINE_URLS: the node, by its HTTP address. PRALINE_UPSTREAM: the same node or another of its cluster; through it the
chain is prepared, so that a test reads on one node what another was told.
"""

import os
import time

import pytest
import pytest_asyncio
from eth_account import Account
from web3 import HTTPProvider, Web3
from web3._utils.contract_sources.contract_data._custom_contract_data import EMITTER_ENUM
from web3._utils.contract_sources.contract_data.emitter_contract import EMITTER_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.math_contract import MATH_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.offchain_lookup import OFFCHAIN_LOOKUP_DATA
from web3._utils.contract_sources.contract_data.panic_errors_contract import PANIC_ERRORS_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.revert_contract import REVERT_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.storage_contract import STORAGE_CONTRACT_DATA
from web3._utils.module_testing.utils import RequestMocker

URL = os.environ["PRALINE_URLS"].split(",")[0]
UPSTREAM = os.environ.get("PRALINE_UPSTREAM", URL)

Account.enable_unaudited_hdwallet_features()
MNEMONIC = "test test test test test test test test test test test junk"

CONTRACTS = {
    "math": MATH_CONTRACT_DATA,
    "emitter": EMITTER_CONTRACT_DATA,
    "revert": REVERT_CONTRACT_DATA,
    "offchain_lookup": OFFCHAIN_LOOKUP_DATA,
    "panic_errors": PANIC_ERRORS_CONTRACT_DATA,
    "storage": STORAGE_CONTRACT_DATA,
}


# These fail before or after the node has its say, whichever node it is.
NAMES_IN_TYPED_DATA = "web3.py 7.16 unpacks the values of a mapping as pairs, before it asks the node"
WRONG_CLASS = "web3.py 7.16 raises Web3RPCError for what a node refuses, the test waits for Web3ValueError"
FAILS_IN_WEB3 = {
    "test_async_http.py::TestEth::test_eth_sign_typed_data": NAMES_IN_TYPED_DATA,
    "test_async_http.py::TestEth::test_invalid_eth_sign_typed_data": NAMES_IN_TYPED_DATA,
    "test_websocket.py::TestEth::test_eth_sign_typed_data": NAMES_IN_TYPED_DATA,
    "test_websocket.py::TestEth::test_invalid_eth_sign_typed_data": NAMES_IN_TYPED_DATA,
    "test_http.py::TestEth::test_invalid_eth_sign_typed_data": WRONG_CLASS,
}


def pytest_collection_modifyitems(items):
    for item in items:
        if reason := FAILS_IN_WEB3.get(item.nodeid):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


class Chain:
    """The prepared chain: what the fixtures of sync and async tests are made of."""

    def __init__(self):
        self.w3 = Web3(HTTPProvider(UPSTREAM))
        self.account = self.w3.eth.accounts[0]
        self.addresses = {}
        for name, data in CONTRACTS.items():
            receipt = self.mined(self.w3.eth.contract(**data).constructor().transact({"from": self.account}))
            self.addresses[name] = receipt["contractAddress"]
            if name == "math":
                self.math_deploy_hash = receipt["transactionHash"]
        emitter = self.w3.eth.contract(address=self.addresses["emitter"], abi=EMITTER_CONTRACT_DATA["abi"])
        log = emitter.functions.logDouble(which=EMITTER_ENUM["LogDoubleWithIndex"], arg0=12345, arg1=54321)
        with_log = self.mined(log.transact({"from": self.account}))
        self.log_hash, self.log_block = with_log["transactionHash"], with_log["blockHash"]
        self.mine(1)
        self.empty_block = self.w3.eth.get_block("latest")["hash"]
        transfer = {"from": self.account, "to": self.account, "value": 1, "gas": 21000, "gasPrice": self.w3.eth.gas_price}
        with_transfer = self.mined(self.w3.eth.send_transaction(transfer))
        self.transfer_hash, self.transfer_block = with_transfer["transactionHash"], with_transfer["blockHash"]
        # The tests offer 1 gwei for gas, as they do to geth, whose base fee has sunk by then.
        self.mine(40)

    def mine(self, blocks):
        self.w3.provider.make_request("anvil_mine", [hex(blocks)])

    def mined(self, transaction_hash):
        self.mine(1)
        receipt = self.w3.eth.wait_for_transaction_receipt(transaction_hash, timeout=20, poll_latency=0.02)
        assert receipt["status"] == 1
        return receipt


@pytest.fixture(scope="session")
def chain():
    return Chain()


@pytest.fixture(autouse=True)
def early_in_a_block(request, chain):
    """Some tests replace or look at a pending transaction: they begin just after a block, with the next a second off."""
    if any(word in request.node.name for word in ("replace", "modify", "pending", "unmined", "nonce", "set_code")):
        before = chain.w3.eth.block_number
        deadline = time.monotonic() + 10
        while chain.w3.eth.block_number == before and time.monotonic() < deadline:
            time.sleep(0.01)


@pytest.fixture(scope="module")
def endpoint_uri():
    return URL


@pytest.fixture(scope="module")
def w3(chain):
    return Web3(HTTPProvider(URL))


@pytest.fixture(scope="session")
def request_mocker():
    return RequestMocker


@pytest.fixture(scope="session")
def skip_if_testrpc():
    return lambda _w3: None


@pytest.fixture(scope="session")
def async_skip_if_testrpc():
    return lambda _w3: None


def account_of(request):
    """Each module has an account of its own, for what a delegation of EIP-7702 writes there stays."""
    return Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{request.module.ACCOUNT}")


@pytest.fixture(scope="module")
def keyfile_account_pkey(request):
    return account_of(request).key.hex()


def account_fixture():
    """web3.py's name for the account is that of a key file of geth; here it is a dev account, unlocked on every node."""

    @pytest.fixture(scope="module")
    def address(request):
        return account_of(request).address

    return address


for _prefix in ("", "async_"):
    for _suffix in ("", "_dual_type"):
        globals()[f"{_prefix}keyfile_account_address{_suffix}"] = account_fixture()


@pytest.fixture(scope="session")
def math_contract_deploy_txn_hash(chain):
    return chain.math_deploy_hash


@pytest.fixture(scope="session")
def txn_hash_with_log(chain):
    return chain.log_hash


@pytest.fixture(scope="session")
def mined_txn_hash(chain):
    return chain.transfer_hash


def contract_fixture(name, connection):
    """A fixture: the deployed contract over the connection of that name."""

    @pytest.fixture(scope="module")
    def contract(request, chain):
        return request.getfixturevalue(connection).eth.contract(address=chain.addresses[name], abi=CONTRACTS[name]["abi"])

    return contract


def address_fixture(name):
    @pytest.fixture(scope="session")
    def address(chain):
        return chain.addresses[name]

    return address


def block_fixture(attribute):
    """A fixture of sync tests: the block as the node under test tells it."""

    @pytest.fixture(scope="module")
    def block(w3, chain):
        return w3.eth.get_block(getattr(chain, attribute))

    return block


def async_block_fixture(attribute):
    @pytest_asyncio.fixture(scope="module", loop_scope="module")
    async def block(async_w3, chain):
        return await async_w3.eth.get_block(getattr(chain, attribute))

    return block


for _name in CONTRACTS:
    globals()[f"{_name}_contract"] = contract_fixture(_name, "w3")
    globals()[f"async_{_name}_contract"] = contract_fixture(_name, "async_w3")
    globals()[f"{_name}_contract_address"] = address_fixture(_name)
    globals()[f"async_{_name}_contract_address"] = address_fixture(_name)

for _name, _attribute in (("empty_block", "empty_block"), ("block_with_txn", "transfer_block"), ("block_with_txn_with_log", "log_block")):
    globals()[_name] = block_fixture(_attribute)
    globals()[f"async_{_name}"] = async_block_fixture(_attribute)
