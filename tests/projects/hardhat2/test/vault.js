// The suites of Hardhat 2: the same helpers and matchers, as most projects still have them. In the middle a node of the
// cluster dies, if there is one to spare.

const { expect } = require('chai');
const { ethers } = require('hardhat');
const helpers = require('@nomicfoundation/hardhat-network-helpers');

const { loadFixture, time } = helpers;
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
  await vault.waitForDeployment();
  return { vault, owner, other, unlockTime };
}

describe('Vault', () => {
  it('is deployed by a fixture, tells of deposits, and starts anew with it', async () => {
    const { vault, other } = await loadFixture(deployed);
    await expect(vault.connect(other).deposit({ value: 5n }))
      .to.emit(vault, 'Deposited')
      .withArgs(other.address, 5n);
    const again = await loadFixture(deployed);
    expect(await again.vault.deposits(other)).to.equal(0n);
  });

  it('reverts with reasons, custom errors and panics', async () => {
    const { vault, other } = await loadFixture(deployed);
    await expect(vault.withdraw()).to.be.revertedWith('too early');
    await expect(vault.connect(other).withdraw()).to.be.revertedWithCustomError(vault, 'NotOwner').withArgs(other.address);
    await expect(vault.break_(0)).to.be.revertedWithPanic(0x12);
  });

  it('opens when its time has come, and loses a node on the way', async () => {
    const { vault, owner, unlockTime } = await loadFixture(deployed);
    await middle();
    await time.increaseTo(unlockTime);
    await expect(vault.withdraw()).to.changeEtherBalances([owner, vault], [ONE, -ONE]);
  });

  it('goes back in time with the next fixture', async () => {
    const { vault, unlockTime } = await loadFixture(deployed);
    expect(await time.latest()).to.be.lessThan(unlockTime);
    await time.setNextBlockTimestamp(unlockTime + 5);
    await expect(vault.withdraw())
      .to.emit(vault, 'Withdrawn')
      .withArgs(await vault.owner(), ONE, unlockTime + 5);
  });
});

describe('network helpers', () => {
  it('impersonation, balances, nonces, code, storage', async () => {
    const whale = '0x00000000000000000000000000000000000abc11';
    const [, other] = await ethers.getSigners();
    await helpers.impersonateAccount(whale);
    await helpers.setBalance(whale, ONE);
    await helpers.setNonce(whale, 3);
    const signer = await ethers.getSigner(whale);
    await expect(signer.sendTransaction({ to: other, value: 7n })).to.changeEtherBalance(other, 7n);
    expect(await ethers.provider.getTransactionCount(whale)).to.equal(4);
    await helpers.stopImpersonatingAccount(whale);
    await helpers.setCode(whale, '0x60005460005260206000f3');
    await helpers.setStorageAt(whale, 0, 42n);
    expect(BigInt(await ethers.provider.call({ to: whale }))).to.equal(42n);
  });

  it('blocks and snapshots', async () => {
    const snapshot = await helpers.takeSnapshot();
    const height = await time.latestBlock();
    await helpers.mine(100, { interval: 12 });
    await helpers.mineUpTo(height + 110);
    await helpers.setNextBlockBaseFeePerGas(123_456_789n);
    await helpers.mine();
    const block = await ethers.provider.getBlock('latest');
    expect([block.number, block.baseFeePerGas]).to.deep.equal([height + 111, 123_456_789n]);
    await snapshot.restore();
    expect(await time.latestBlock()).to.equal(height);
  });
});
