/** As in package.json; a constant, so that `version --client` reads no file. A test compares the two. */
export const clientVersion = { version: '0.1.0' } as const;
