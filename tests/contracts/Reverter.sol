// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// Each way in which a call can fail.
contract Reverter {
    uint256 public touched;

    error Boom(uint256 code, string text);

    function withReason() external {
        touched = 1;
        revert("boom");
    }

    function withCustomError() external {
        touched = 1;
        revert Boom(7, "seven");
    }

    function withNothing() external {
        touched = 1;
        revert();
    }

    function withOverflow(uint256 value) external pure returns (uint256) {
        return type(uint256).max + value;
    }

    function withAssert(bool condition) external pure {
        assert(condition);
    }

    function withInvalidOpcode() external pure {
        assembly {
            invalid()
        }
    }

    function withoutEnd() external {
        while (true) touched += 1;
    }
}
