// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// The smallest contract with state, an event and something to read.
contract Counter {
    uint256 public number;

    event Changed(address indexed by, uint256 value);

    constructor(uint256 start) payable {
        number = start;
    }

    function increment() external {
        number += 1;
        emit Changed(msg.sender, number);
    }

    function setNumber(uint256 value) external payable {
        number = value;
        emit Changed(msg.sender, value);
    }
}
