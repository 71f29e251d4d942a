// Commit certificates, checked without any of Praline: by node's own ed25519 and by @noble/curves, which ethers and
// viem bring along.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { test } from 'node:test';
import { ed25519 } from '@noble/curves/ed25519';
import { accounts, pralineOnly, rpc, urls } from '../lib/nodes.mjs';

const DOMAIN = 'praline commit certificate 1\n';
const hex = (text) => Buffer.from(text.replace(/^0x/, ''), 'hex');

/** The bytes that the members of a cluster sign: all numbers are 64 bits, big-endian. */
function statement({ clusterId, index, blockNumber, blockHash, stateRoot }) {
  const number = (value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    return bytes;
  };
  return Buffer.concat([Buffer.from(DOMAIN), hex(clusterId), number(index), number(blockNumber), hex(blockHash), hex(stateRoot)]);
}

/** Node's ed25519, for a key of 32 bytes (RFC 8410 puts 12 bytes before it). */
function isSignedByNode(message, publicKey, signature) {
  const der = Buffer.concat([hex('302a300506032b6570032100'), hex(publicKey)]);
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), hex(signature));
}

const isSignedByNoble = (message, publicKey, signature) => ed25519.verify(hex(signature), message, hex(publicKey));

/** How many of the cluster's keys have signed; throws where a signature is wrong. */
function signers(certificate, keys, isSigned) {
  const signed = new Set();
  for (const { publicKey, signature } of certificate.signatures) {
    assert.ok(keys.includes(publicKey), `${publicKey} is a stranger`);
    assert.ok(isSigned(statement(certificate), publicKey, signature), `${publicKey} has not signed this`);
    signed.add(publicKey);
  }
  return signed.size;
}

for (const [name, isSigned] of [['node:crypto', isSignedByNode], ['@noble/curves', isSignedByNoble]]) {
  test(`a certificate is checked by ${name}`, { skip: pralineOnly }, async () => {
    const [{ address: from }, { address: to }] = accounts;
    await rpc(urls[0], 'eth_sendTransaction', [{ from, to, value: '0x1' }]);
    const block = await rpc(urls[0], 'eth_getBlockByNumber', ['latest', false]);
    // A user has these from the config; here the cluster tells them.
    const { members } = await rpc(urls[0], 'cluster_status');
    const keys = members.map(({ publicKey }) => publicKey);
    for (const url of urls) {
      const certificate = await rpc(url, 'cluster_getCertificate', [block.hash]);
      assert.equal(certificate.blockHash, block.hash);
      assert.equal(certificate.stateRoot, block.stateRoot);
      assert.ok(signers(certificate, keys, isSigned) > keys.length / 2);
      const forged = { ...certificate, stateRoot: `0x${'11'.repeat(32)}` };
      assert.throws(() => signers(forged, keys, isSigned), /has not signed this/);
    }
  });
}

test('a block that is not there has no certificate', { skip: pralineOnly }, async () => {
  assert.equal(await rpc(urls[0], 'cluster_getCertificate', ['0xffffff']), null);
});
