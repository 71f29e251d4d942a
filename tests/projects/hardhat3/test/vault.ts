// What users' suites do with Hardhat: fixtures over snapshots, time travel, impersonation, events, reverts, and every
// network helper once. In the middle a node of the cluster dies, if there is one to spare.

import { expect } from 'chai';
import { network } from 'hardhat';

const { ethers, networkHelpers } = await network.create();
const { loadFixture, time } = networkHelpers;

const DAY = 86_400;
const ONE = ethers.parseEther('1');

/** Tells the driver of this project that it is half way through; answers when the driver has done what it does then. */
async function middle() {
  if (process.env.PROJECT_CONTROL) await fetch(`${process.env.PROJECT_CONTROL}/middle`, { method: 'POST' });
}

async function deployed() {
  const [owner, other] = await ethers.getSigners();
  const unlockTime = (await time.latest()) + 7 * DAY;
  const vault = await ethers.deployContract('Vault', [unlockTime], { value: ONE });
  return { vault, owner, other, unlockTime };
}

describe('Vault', () => {
  it('is deployed by a fixture', async () => {
    const { vault, owner, unlockTime } = await loadFixture(deployed);
    expect(await vault.owner()).to.equal(owner.address);
    expect(await vault.unlockTime()).to.equal(unlockTime);
    expect(await ethers.provider.getBalance(vault)).to.equal(ONE);
  });

  it('tells of deposits by events', async () => {
    const { vault, other } = await loadFixture(deployed);
    await expect(vault.connect(other).deposit({ value: 5n }))
      .to.emit(vault, 'Deposited')
      .withArgs(other.address, 5n);
    expect(await vault.deposits(other)).to.equal(5n);
    const found = await vault.queryFilter(vault.filters.Deposited(other.address));
    expect(found.map(({ args }) => args.amount)).to.deep.equal([5n]);
  });

  it('starts anew with the fixture: the deposit is gone', async () => {
    const { vault, other } = await loadFixture(deployed);
    expect(await vault.deposits(other)).to.equal(0n);
  });

  it('reverts with reasons, custom errors and panics', async () => {
    const { vault, owner, other } = await loadFixture(deployed);
    await expect(vault.withdraw()).to.be.revertedWith('too early');
    await expect(vault.connect(other).withdraw()).to.be.revertedWithCustomError(vault, 'NotOwner').withArgs(other.address);
    await expect(vault.break_(0)).to.be.revertedWithPanic(0x12);
    await expect(ethers.deployContract('Vault', [1])).to.be.revertedWith('unlock time is past');
    expect(await vault.owner()).to.equal(owner.address);
  });

  it('opens when its time has come', async () => {
    const { vault, owner, unlockTime } = await loadFixture(deployed);
    await time.increaseTo(unlockTime);
    expect(await time.latest()).to.equal(unlockTime);
    await expect(vault.withdraw()).to.changeEtherBalances(ethers, [owner, vault], [ONE, -ONE]);
  });

  it('goes back in time with the next fixture, and loses a node on the way', async () => {
    const before = await loadFixture(deployed);
    expect(await time.latest()).to.be.lessThan(before.unlockTime);
    await middle();
    // The snapshot was taken before that.
    const { vault, other, unlockTime } = await loadFixture(deployed);
    await vault.connect(other).deposit({ value: 3n });
    await time.setNextBlockTimestamp(unlockTime + 5);
    await expect(vault.withdraw())
      .to.emit(vault, 'Withdrawn')
      .withArgs(await vault.owner(), ONE + 3n, unlockTime + 5);
  });
});

describe('network helpers', () => {
  it('time and blocks', async () => {
    const start = await time.latest();
    await time.increase(100);
    expect(await time.latest()).to.be.greaterThanOrEqual(start + 100);
    const height = await time.latestBlock();
    await networkHelpers.mine();
    await networkHelpers.mine(1000, { interval: 12 });
    expect(await time.latestBlock()).to.equal(height + 1001);
    await networkHelpers.mineUpTo(height + 1010);
    expect(await time.latestBlock()).to.equal(height + 1010);
  });

  it('impersonation', async () => {
    const whale = '0x00000000000000000000000000000000000abc01';
    const [, other] = await ethers.getSigners();
    await networkHelpers.impersonateAccount(whale);
    await networkHelpers.setBalance(whale, ONE);
    const signer = await ethers.getSigner(whale);
    await expect(signer.sendTransaction({ to: other, value: 7n })).to.changeEtherBalance(ethers, other, 7n);
    await networkHelpers.stopImpersonatingAccount(whale);
    await expect(signer.sendTransaction({ to: other, value: 7n })).to.be.rejected;
  });

  it('accounts: code, nonce, storage', async () => {
    const address = '0x00000000000000000000000000000000000abc02';
    await networkHelpers.setCode(address, '0x60005460005260206000f3');
    await networkHelpers.setStorageAt(address, 0, 42n);
    expect(BigInt(await networkHelpers.getStorageAt(address, 0))).to.equal(42n);
    expect(BigInt(await ethers.provider.call({ to: address }))).to.equal(42n);
    await networkHelpers.setNonce(address, 9);
    expect(await ethers.provider.getTransactionCount(address)).to.equal(9);
  });

  it('blocks to come: base fee, randomness, coinbase, gas limit', async () => {
    const coinbase = '0x00000000000000000000000000000000000aBC03';
    await networkHelpers.setCoinbase(coinbase);
    await networkHelpers.setPrevRandao(4711);
    await networkHelpers.setBlockGasLimit(25_000_000);
    await networkHelpers.setNextBlockBaseFeePerGas(123_456_789n);
    await networkHelpers.mine();
    const block = await ethers.provider.getBlock('latest');
    expect([block?.miner, block?.baseFeePerGas, block?.gasLimit]).to.deep.equal([coinbase, 123_456_789n, 25_000_000n]);
    // hardhat-ethers leaves it out of its blocks.
    const { mixHash } = await ethers.provider.send('eth_getBlockByNumber', ['latest', false]);
    expect(BigInt(mixHash)).to.equal(4711n);
  });

  it('snapshots by hand', async () => {
    const address = '0x00000000000000000000000000000000000abc04';
    const snapshot = await networkHelpers.takeSnapshot();
    await networkHelpers.setBalance(address, 5n);
    await snapshot.restore();
    expect(await ethers.provider.getBalance(address)).to.equal(0n);
    await networkHelpers.setBalance(address, 6n);
    await snapshot.restore();
    expect(await ethers.provider.getBalance(address)).to.equal(0n);
  });

  it('a transaction is dropped from the pool', async () => {
    const [signer] = await ethers.getSigners();
    await ethers.provider.send('evm_setAutomine', [false]);
    try {
      const { hash } = await signer.sendTransaction({ to: signer, value: 1n });
      expect(await networkHelpers.dropTransaction(hash)).to.equal(true);
      await networkHelpers.mine();
      expect(await ethers.provider.getTransactionReceipt(hash)).to.equal(null);
    } finally {
      await ethers.provider.send('evm_setAutomine', [true]);
    }
  });
});
