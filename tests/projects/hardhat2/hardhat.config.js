const { subtask } = require('hardhat/config');
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require('hardhat/builtin-tasks/task-names');
require('@nomicfoundation/hardhat-ethers');
require('@nomicfoundation/hardhat-chai-matchers');

// npm's solc, so that nothing is downloaded.
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: require.resolve('solc/soljson.js'),
  isSolcJs: true,
  version: '0.8.37',
  longVersion: require('solc').version().replace('.Emscripten.clang', ''),
}));

module.exports = {
  solidity: '0.8.37',
  networks: { praline: { url: process.env.PRALINE_URL ?? 'http://127.0.0.1:8545', chainId: 31337, timeout: 60_000 } },
  mocha: { timeout: 60_000 },
};
