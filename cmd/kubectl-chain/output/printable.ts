/** Controls, line separators, and what turns the direction of writing or is not seen at all. */
const unsafe = new RegExp(
  [
    String.raw`[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]`,
    // Variation selectors, and tags.
    String.raw`[\ufe00-\ufe0f]`,
    String.raw`[\u{e0000}-\u{e0fff}]`,
  ].join('|'),
  'gu',
);

/** Text of other people for one line of a terminal: nothing in it can move the cursor or hide. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
