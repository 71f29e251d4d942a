// Where Node 22 or later is: this one, or that of `node/`.

import { createRequire } from 'node:module';

export function node22() {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const machine = `${process.platform}-${process.arch}`;
  // Only for this machine the package has another name.
  const name = machine === 'darwin-arm64' ? `node-bin-${machine}` : `node-${machine}`;
  return createRequire(new URL('node/', import.meta.url)).resolve(`${name}/bin/node`);
}
