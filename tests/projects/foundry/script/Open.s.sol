// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Vault} from "../src/Vault.sol";

/// The part of forge's cheat codes that is used here.
interface Vm {
    function startBroadcast(uint256 privateKey) external;
    function stopBroadcast() external;
    function envUint(string calldata name) external returns (uint256);
}

/// Deploys three vaults and pays into each: six transactions.
contract Open {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    bool public constant IS_SCRIPT = true;

    function run() external {
        uint256 unlockTime = block.timestamp + 30 days;
        VM.startBroadcast(VM.envUint("PRIVATE_KEY"));
        for (uint256 number = 1; number <= 3; number++) {
            Vault vault = new Vault{value: number}(unlockTime);
            vault.deposit{value: 10 * number}();
        }
        VM.stopBroadcast();
    }
}
