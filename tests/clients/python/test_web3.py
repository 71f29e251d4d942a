"""web3.py against every node: deploy, send, read on each other node, errors, logs, filters, typed data, subscriptions.

The addresses come in PRALINE_URLS, the compiled contracts in PRALINE_CONTRACTS (what `node lib/contracts.mjs` prints).
"""

import asyncio
import json
import os
import unittest

from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from web3 import AsyncWeb3, HTTPProvider, Web3, WebSocketProvider
from web3.exceptions import ContractCustomError, ContractLogicError, ContractPanicError, Web3RPCError

URLS = os.environ.get("PRALINE_URLS", "http://127.0.0.1:8545").split(",")
AGAINST_ANVIL = os.environ.get("PRALINE_AGAINST") == "anvil"
with open(os.environ["PRALINE_CONTRACTS"], encoding="utf-8") as file:
    CONTRACTS = json.load(file)
NODES = [Web3(HTTPProvider(url)) for url in URLS]
SENDER = Account.from_key("0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6")
# anvil 1.7.1 refuses the short key `0x0` that web3.py makes of a number.
SLOT = "0x" + "00" * 32 if AGAINST_ANVIL else 0
TO = Web3.to_checksum_address("0x00000000000000000000000000000000000bee55")


def mined(w3, transaction_hash):
    """The receipt: at once from Praline, soon from anvil."""
    if AGAINST_ANVIL:
        return w3.eth.wait_for_transaction_receipt(transaction_hash, timeout=10, poll_latency=0.02)
    return w3.eth.get_transaction_receipt(transaction_hash)


def deploy(w3, name, *arguments):
    contract = CONTRACTS[name]
    factory = w3.eth.contract(abi=contract["abi"], bytecode=contract["bytecode"])
    receipt = mined(w3, factory.constructor(*arguments).transact({"from": SENDER.address}))
    return w3.eth.contract(receipt["contractAddress"], abi=contract["abi"])


class EveryNode(unittest.TestCase):
    def on_each(self, read, expected):
        for node, w3 in enumerate(NODES):
            self.assertEqual(read(w3), expected, f"read on node {node}")

    def test_identity(self):
        self.on_each(lambda w3: w3.eth.chain_id, 31337)
        self.on_each(lambda w3: w3.is_connected(), True)
        self.on_each(lambda w3: len(w3.eth.accounts), 10)
        for w3 in NODES:
            self.assertRegex(w3.client_version.lower(), "^anvil")

    def test_contracts(self):
        for node, w3 in enumerate(NODES):
            other = NODES[(node + 1) % len(NODES)]
            token = deploy(w3, "Token", 1000)
            there = other.eth.contract(token.address, abi=token.abi)
            before = there.functions.balanceOf(TO).call()
            receipt = mined(other, there.functions.transfer(TO, 10).transact({"from": SENDER.address}))
            self.assertEqual(receipt["status"], 1)
            self.assertEqual(token.events.Transfer().process_receipt(receipt)[0]["args"]["value"], 10)
            for each in NODES:
                here = each.eth.contract(token.address, abi=token.abi)
                self.assertEqual(here.functions.balanceOf(TO).call(), before + 10)
                logs = here.events.Transfer().get_logs(from_block=receipt["blockNumber"])
                self.assertEqual([log["args"]["to"] for log in logs], [TO])

    def test_transaction_types_signed_here(self):
        base = {"to": TO, "value": 1, "chainId": 31337, "gas": 60_000}
        dynamic = {"maxFeePerGas": 5 * 10**9, "maxPriorityFeePerGas": 10**9}
        for node, w3 in enumerate(NODES):
            counter = deploy(w3, "Counter", 0)
            authority = Account.create()
            authorization = authority.sign_authorization({"chainId": 31337, "address": counter.address, "nonce": 0})
            requests = [
                {"gasPrice": 3 * 10**9},
                {"gasPrice": 3 * 10**9, "type": 1, "accessList": [{"address": TO, "storageKeys": ["0x" + "00" * 32]}]},
                {**dynamic, "type": 2},
                {**dynamic, "type": 4, "authorizationList": [authorization], "gas": 100_000},
            ]
            for kind, request in zip([0, 1, 2, 4], requests):
                nonce = w3.eth.get_transaction_count(SENDER.address)
                signed = SENDER.sign_transaction({**base, "nonce": nonce, **request})
                transaction_hash = w3.eth.send_raw_transaction(signed.raw_transaction)
                receipt = mined(w3, transaction_hash)
                self.assertEqual((receipt["type"], receipt["status"]), (kind, 1))
                self.on_each(lambda each: each.eth.get_transaction(transaction_hash)["blockHash"], receipt["blockHash"])
            self.on_each(lambda each: bytes(each.eth.get_code(authority.address))[:3], bytes.fromhex("ef0100"))

    def test_errors(self):
        reverter = deploy(NODES[0], "Reverter")
        for w3 in NODES:
            here = w3.eth.contract(reverter.address, abi=reverter.abi)
            with self.assertRaisesRegex(ContractLogicError, "execution reverted: boom"):
                here.functions.withReason().call()
            with self.assertRaises(ContractCustomError):
                here.functions.withCustomError().call()
            with self.assertRaises(ContractPanicError):
                here.functions.withOverflow(1).call()
            with self.assertRaisesRegex(ContractLogicError, "execution reverted: boom"):
                here.functions.withReason().estimate_gas({"from": SENDER.address})
            with self.assertRaisesRegex(Web3RPCError, "nonce too low"):
                stale = {"to": TO, "value": 0, "gas": 21_000, "gasPrice": 3 * 10**9, "nonce": 0, "chainId": 31337}
                w3.eth.send_raw_transaction(SENDER.sign_transaction(stale).raw_transaction)

    def test_signing(self):
        message = encode_defunct(text="hello")
        typed = {
            "types": {
                "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
                "Note": [{"name": "text", "type": "string"}],
            },
            "primaryType": "Note",
            "domain": {"name": "Praline", "chainId": 31337},
            "message": {"text": "hello"},
        }
        for w3 in NODES:
            signature = w3.eth.sign(SENDER.address, text="hello")
            self.assertEqual(Account.recover_message(message, signature=signature), SENDER.address)
            reply = w3.provider.make_request("eth_signTypedData_v4", [SENDER.address, typed])
            self.assertEqual(Account.recover_message(encode_typed_data(full_message=typed), signature=reply["result"]), SENDER.address)

    def test_filters(self):
        for node, w3 in enumerate(NODES):
            other = NODES[(node + 1) % len(NODES)]
            blocks = w3.eth.filter("latest")
            receipt = mined(other, other.eth.send_transaction({"from": SENDER.address, "to": TO, "value": 1}))
            mined(w3, receipt["transactionHash"])
            self.assertEqual([bytes(found) for found in blocks.get_new_entries()], [bytes(receipt["blockHash"])])

    def test_proof_and_history(self):
        counter = deploy(NODES[0], "Counter", 6)
        proof = NODES[0].eth.get_proof(counter.address, [SLOT])
        self.assertEqual(int.from_bytes(proof["storageProof"][0]["value"], "big"), 6)
        self.on_each(lambda w3: w3.eth.get_proof(counter.address, [SLOT])["storageHash"], proof["storageHash"])
        history = NODES[0].eth.fee_history(2, "latest", [50])
        self.on_each(lambda w3: w3.eth.fee_history(2, "latest", [50]), history)

    def test_subscription(self):
        async def listen(node, url):
            async with AsyncWeb3(WebSocketProvider(url.replace("http", "ws", 1))) as w3:
                subscription = await w3.eth.subscribe("newHeads")
                other = NODES[(node + 1) % len(NODES)]
                receipt = mined(other, other.eth.send_transaction({"from": SENDER.address, "to": TO, "value": 1}))
                async for message in w3.socket.process_subscriptions():
                    self.assertEqual(message["subscription"], subscription)
                    self.assertEqual(message["result"]["hash"], receipt["blockHash"])
                    return

        for node, url in enumerate(URLS):
            asyncio.run(asyncio.wait_for(listen(node, url), timeout=20))


if __name__ == "__main__":
    unittest.main()
