// Installs what the projects need, from npm's registry and by the lock files: Node 22 where this one is older, then the
// rest with it (npm leaves out optional packages that are not for the Node it runs on, and Hardhat needs one of them).
// `npm ci` refuses where the registry lacks an optional package that the lock file lacks too, even one for another machine:
// take versions whose packages for all machines are to be had.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { delimiter, dirname } from 'node:path';
import { node22 } from './node22.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

if (Number(process.versions.node.split('.')[0]) < 22) execFileSync('npm', options, { cwd: `${here}node`, stdio: 'inherit' });
const PATH = `${dirname(node22())}${delimiter}${process.env.PATH}`;
for (const folder of [here, `${here}hardhat2`])
  execFileSync('npm', options, { cwd: folder, stdio: 'inherit', env: { ...process.env, PATH } });
