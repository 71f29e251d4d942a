// Compiles ../contracts with npm's solc, once a run of the suites: the result lies in `.build/` beside package.json.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../contracts/', import.meta.url));
const build = fileURLToPath(new URL('../.build/', import.meta.url));

function compile() {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sol')).sort();
  const sources = Object.fromEntries(names.map((name) => [name, { content: readFileSync(folder + name, 'utf8') }]));
  const input = JSON.stringify({
    language: 'Solidity',
    sources,
    settings: {
      evmVersion: 'cancun',
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object', 'storageLayout'] } },
    },
  });
  const file = `${build}${createHash('sha256').update(input).digest('hex').slice(0, 16)}.json`;
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const output = JSON.parse(createRequire(import.meta.url)('solc').compile(input));
  const errors = (output.errors ?? []).filter((error) => error.severity === 'error');
  if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join('\n'));
  const contracts = {};
  for (const [name, parts] of Object.entries(output.contracts).flatMap(([, inFile]) => Object.entries(inFile))) {
    contracts[name] = {
      abi: parts.abi,
      bytecode: `0x${parts.evm.bytecode.object}`,
      deployedBytecode: `0x${parts.evm.deployedBytecode.object}`,
    };
  }
  mkdirSync(build, { recursive: true });
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(contracts));
  renameSync(`${file}.${process.pid}`, file);
  return contracts;
}

export const { Counter, Token, Reverter, Environment } = compile();

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify({ Counter, Token, Reverter, Environment }));
}
