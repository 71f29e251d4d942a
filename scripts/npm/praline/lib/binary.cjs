// Where the program is: in the npm package for this platform, or where PRALINE_BINARY says.

'use strict';

/** The npm package that holds the program for a platform, in Node's names of operating systems and processors. */
function packageFor(platform, arch) {
  return `praline-${platform}-${arch}`;
}

function binary() {
  if (process.env.PRALINE_BINARY) return process.env.PRALINE_BINARY;
  const name = packageFor(process.platform, process.arch);
  const file = process.platform === 'win32' ? 'praline.exe' : 'praline';
  try {
    return require.resolve(`${name}/bin/${file}`);
  } catch {
    throw new Error(
      `praline: the package \`${name}\` is missing. It is an optional dependency: install without \`--omit=optional\`, or ` +
        'build the program from source and name it in PRALINE_BINARY',
    );
  }
}

module.exports = { binary, packageFor };
