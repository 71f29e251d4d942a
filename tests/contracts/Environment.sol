// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// What a contract sees of its block and transaction, and what it saw when it was last sent a transaction.
contract Environment {
    uint256 public number;
    uint256 public timestamp;
    uint256 public blobBaseFee;
    bytes32 public firstBlob;
    address public sender;
    bytes32 public randao;

    receive() external payable {}

    function record() external payable {
        number = block.number;
        timestamp = block.timestamp;
        blobBaseFee = block.blobbasefee;
        firstBlob = blobhash(0);
        sender = msg.sender;
        randao = bytes32(block.prevrandao);
    }

    function current() external view returns (uint256, uint256, uint256, uint256, address) {
        return (block.number, block.timestamp, block.basefee, block.chainid, block.coinbase);
    }
}
