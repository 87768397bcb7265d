// WebAuthn between the browser's buffers and the server's JSON (base64url without padding). Errors are told in words.
import type { PasskeyAnswer, PasskeyCreation, PasskeyDescriptor, PasskeyRequest } from "./types";

export const passkeysWork = (): boolean => typeof window !== "undefined" && "PublicKeyCredential" in window;

export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64), (letter) => letter.codePointAt(0) ?? 0);
}

export function toText(bytes: ArrayBuffer): string {
  const letters = Array.from(new Uint8Array(bytes), (byte) => String.fromCodePoint(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The browser's window was closed, or it refused: nothing was proven. */
export class PasskeyRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PasskeyRefused";
  }
}

/** Proves a passkey that the person has. */
export async function provePasskey(options: PasskeyRequest, signal?: AbortSignal): Promise<PasskeyAnswer> {
  const { challenge, allowCredentials, userVerification, ...rest } = options;
  const publicKey: PublicKeyCredentialRequestOptions = { ...rest, challenge: toBytes(challenge) };
  if (allowCredentials) publicKey.allowCredentials = allowCredentials.map(descriptor);
  if (userVerification) publicKey.userVerification = userVerification as UserVerificationRequirement;
  return answerOf(await ask(() => navigator.credentials.get({ publicKey, ...(signal ? { signal } : {}) })));
}

/** Makes a new passkey on a device of the person's choice. */
export async function makePasskey(options: PasskeyCreation): Promise<PasskeyAnswer> {
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: (options.excludeCredentials ?? []).map(descriptor),
  } as PublicKeyCredentialCreationOptions;
  return answerOf(await ask(() => navigator.credentials.create({ publicKey })));
}

function descriptor({ id, type, transports }: PasskeyDescriptor): PublicKeyCredentialDescriptor {
  return { id: toBytes(id), type, ...(transports ? { transports: transports as AuthenticatorTransport[] } : {}) };
}

async function ask(work: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  if (!passkeysWork()) throw new PasskeyRefused("This browser has no passkeys, or the page was not opened by https.");
  let credential: Credential | null;
  try {
    credential = await work();
  } catch (error) {
    throw new PasskeyRefused(wordsFor(error));
  }
  if (!(credential instanceof PublicKeyCredential)) throw new PasskeyRefused("The browser gave no passkey.");
  return credential;
}

function wordsFor(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "InvalidStateError") return "This device holds a passkey of this account already. Use it, or make one on another device.";
  if (name === "SecurityError") return "The browser refuses passkeys at this address: it is not the one that Revkeep is set up for.";
  return "No passkey was used: the browser's window was closed, or it took too long. Try again when you are ready.";
}

/** What a server checks, from the browser's buffers. */
export function answerOf(credential: PublicKeyCredential): PasskeyAnswer {
  const { response } = credential;
  const parts: Record<string, string | string[]> = { clientDataJSON: toText(response.clientDataJSON) };
  if ("attestationObject" in response) {
    const made = response as AuthenticatorAttestationResponse;
    parts["attestationObject"] = toText(made.attestationObject);
    parts["transports"] = made.getTransports();
  } else {
    const proven = response as AuthenticatorAssertionResponse;
    parts["authenticatorData"] = toText(proven.authenticatorData);
    parts["signature"] = toText(proven.signature);
    if (proven.userHandle) parts["userHandle"] = toText(proven.userHandle);
  }
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    ...(credential.authenticatorAttachment ? { authenticatorAttachment: credential.authenticatorAttachment } : {}),
    clientExtensionResults: { ...credential.getClientExtensionResults() },
    response: parts,
  };
}
