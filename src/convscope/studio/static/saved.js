// A saved page: the answers that it shows lie within it, in place of a server's.

const block = document.getElementById("convscope-saved");

/**
 * What a saved page holds; null where a server answers.
 * @type {{selection: string, when: string, version: string, answers: Object<string, {type: string, status: number,
 *   text?: string, base64?: string}>} | null}
 */
export const saved = block && JSON.parse(block.textContent);

/** The name of an answer within the page: its path, and what was asked for in alphabetical order. */
function keyOf(url) {
  const query = [...url.searchParams].map((pair) => pair.join("=")).sort();
  return [url.pathname.slice(1), ...(query.length ? [query.join("&")] : [])].join("?");
}

/** The answer to an address as a server would give it; null where the page does not hold it. */
export function heldAnswer(url) {
  const found = saved.answers[keyOf(url)];
  if (!found) return null;
  const { type, status, text, base64 } = found;
  return new Response(text ?? bytesOf(base64), { status, headers: { "Content-Type": type } });
}

/** An address that browsers show or play, for something that the page holds; empty where it does not. */
export function heldAddress(url) {
  const found = saved.answers[keyOf(url)];
  if (!found) return "";
  const { type, text, base64 } = found;
  return text === undefined ? `data:${type};base64,${base64}` : `data:${type},${encodeURIComponent(text)}`;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
