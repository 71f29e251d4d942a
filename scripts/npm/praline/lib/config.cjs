// The config file of a cluster on this machine: keys, given ports, and what the options say.
//
// A folder of data belongs to the cluster that made it. So what was made up for that cluster, the keys of its nodes and the
// phrase of its accounts, is kept in the folder and taken up again.

'use strict';

const { generateKeyPairSync } = require('node:crypto');
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { weiToEther } = require('./options.cjs');

/** An ed25519 pair in Praline's form: the secret key is the seed and the public key. */
function keyPair() {
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const hex = (part) => Buffer.from(part, 'base64url').toString('hex');
  return { publicKey: hex(x), secretKey: hex(d) + hex(x) };
}

const memoryFile = (folder) => join(folder, 'praline-npm.json');

/** What was made up for the cluster whose data is in a folder: `{keys, mnemonic}`, each perhaps `undefined`. */
function recall(folder) {
  if (folder === undefined) return {};
  try {
    return JSON.parse(readFileSync(memoryFile(String(folder)), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw new Error(`praline: ${memoryFile(String(folder))} cannot be read: ${error.message}`);
  }
}

function remember(folder, memory) {
  if (folder === undefined) return;
  mkdirSync(String(folder), { recursive: true });
  writeFileSync(memoryFile(String(folder)), `${JSON.stringify(memory, null, 2)}\n`, { mode: 0o600 });
}

/** The key pairs of `count` nodes. */
const makeKeys = (count) => Array.from({ length: count }, keyPair);

/** A value in TOML, whose texts and lists of texts are JSON's. */
const literal = (value) => (typeof value === 'string' || Array.isArray(value) ? JSON.stringify(value) : String(value));
const section = (header, entries) =>
  [header, ...Object.entries(entries).map(([key, value]) => `${key} = ${literal(value)}`), ''].join('\n');

/**
 * @param read what `readOptions` gave
 * @param members `{rpc, peer, publicKey, secretKey}` of each; port 0 where the system is to choose
 */
function configText({ config, accounts }, members, { allowFaults = false } = {}) {
  const all = allowFaults ? { ...config, server: { ...config.server, allow_faults: true } } : config;
  const sections = Object.entries(all).map(([name, entries]) => section(`[${name}]`, entries));
  for (const { secretKey, balance } of accounts) {
    sections.push(section('[[account]]', { private_key: secretKey, balance_ether: weiToEther(balance) }));
  }
  members.forEach(({ rpc, peer, publicKey, secretKey }, index) => {
    sections.push(section('[[member]]', { name: `node${index + 1}`, peer, rpc, public_key: publicKey, secret_key: secretKey }));
  });
  return sections.join('\n');
}

module.exports = { configText, makeKeys, recall, remember };
