// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// Ether that its owner gets back after a time: something of each kind that tests of contracts look at.
contract Vault {
    error NotOwner(address caller);

    event Deposited(address indexed from, uint256 amount);
    event Withdrawn(address indexed to, uint256 amount, uint256 when);

    address public owner;
    uint256 public unlockTime;
    mapping(address => uint256) public deposits;

    constructor(uint256 unlockTime_) payable {
        require(unlockTime_ > block.timestamp, "unlock time is past");
        owner = msg.sender;
        unlockTime = unlockTime_;
    }

    function deposit() external payable {
        deposits[msg.sender] += msg.value;
        emit Deposited(msg.sender, msg.value);
    }

    function withdraw() external {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        require(block.timestamp >= unlockTime, "too early");
        uint256 amount = address(this).balance;
        emit Withdrawn(msg.sender, amount, block.timestamp);
        (bool ok, ) = msg.sender.call{value: amount}("");
        require(ok, "owner refused");
    }

    function break_(uint256 divisor) external view returns (uint256) {
        return unlockTime / divisor;
    }
}
