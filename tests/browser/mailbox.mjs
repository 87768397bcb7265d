// The mailbox of the stack's mail server: one line of JSON for each mail. Links are what a person would click.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const file = () => process.env.MAILBOX ?? join(dirname(process.env.CA_FILE), "mail.jsonl");
const ARRIVES_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 200;

function mailsTo(address) {
  let text;
  try {
    text = readFileSync(file(), "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)).filter(({ to }) => to.includes(address)).map(({ data }) => readable(data));
}

/** The message with its quoted-printable and base64 parts decoded, one after the other. */
function readable(data) {
  const parts = data.split(/\r?\n--[^\r\n]+/);
  return parts.map((part) => {
    const [head, ...body] = part.split(/\r?\n\r?\n/);
    const text = body.join("\n\n");
    if (/content-transfer-encoding:\s*base64/i.test(head)) return Buffer.from(text.replaceAll(/\s/g, ""), "base64").toString("utf8");
    if (!/content-transfer-encoding:\s*quoted-printable/i.test(head)) return part;
    const bytes = text.replaceAll(/=\r?\n/g, "").replaceAll(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
    return Buffer.from(bytes, "latin1").toString("utf8");
  }).join("\n");
}

export const countMails = (address) => mailsTo(address).length;

/** Path and fragment of the link to `page` in the newest mail to the address; `after` mails are known already. */
export async function linkTo(page, address, after = 0) {
  const pattern = new RegExp(`https?://[^\\s"<>]+(${page}#[\\w.~-]+)`);
  const until = Date.now() + ARRIVES_WITHIN_MS;
  for (;;) {
    const found = mailsTo(address).slice(after).map((mail) => pattern.exec(mail)?.[1]).findLast((link) => link !== undefined);
    if (found) return found;
    if (Date.now() > until) throw new Error(`no mail with a link to ${page} came to ${address}`);
    await pause(LOOK_EVERY_MS);
  }
}
