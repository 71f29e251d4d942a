import { createRequire } from 'node:module';
import hardhatEthers from '@nomicfoundation/hardhat-ethers';
import chaiMatchers from '@nomicfoundation/hardhat-ethers-chai-matchers';
import hardhatMocha from '@nomicfoundation/hardhat-mocha';
import networkHelpers from '@nomicfoundation/hardhat-network-helpers';
import { defineConfig } from 'hardhat/config';

const require = createRequire(import.meta.url);

export default defineConfig({
  plugins: [hardhatEthers, chaiMatchers, hardhatMocha, networkHelpers],
  // npm's solc, so that nothing is downloaded.
  solidity: { compilers: [{ version: '0.8.37', path: require.resolve('solc/soljson.js') }] },
  networks: {
    praline: { type: 'http', chainType: 'l1', url: process.env.PRALINE_URL ?? 'http://127.0.0.1:8545', chainId: 31337 },
  },
  test: { mocha: { timeout: 60_000 } },
});
