// Asks the device for a passkey, where a person presses the button, and sends on what it answers.
"use strict";

const button = document.getElementById("passkey");
const status = document.getElementById("passkey-status");

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
const withBytes = (credentials) => credentials.map((one) => ({ ...one, id: toBytes(one.id) }));

const REASONS = {
  create: {
    NotAllowedError: "No passkey was made: it was cancelled, it took too long, or the device did not verify you.",
    InvalidStateError: "This device holds an enrolled passkey already. Use another device.",
    ConstraintError: "This device cannot verify who you are. Set up a fingerprint, a face or a PIN, or use another.",
    NotSupportedError: "This device makes no passkey of a kind that is taken here. Use another device.",
  },
  get: {
    NotAllowedError:
      "Nothing was signed: it was cancelled, it took too long, the device did not verify you, or it holds none of the " +
      "passkeys that may approve this.",
    ConstraintError: "This device cannot verify who you are. Set up a fingerprint, a face or a PIN, or use another.",
  },
};

const say = (sentence, wrong) => {
  status.className = wrong ? "alert" : "";
  status.setAttribute("role", wrong ? "alert" : "status");
  status.textContent = sentence;
};

const send = async (address, body) => {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
    redirect: "error",
  });
  const { error } = await answer.json();
  return answer.ok ? "" : error || "The server did not take it.";
};

const create = async (options) => {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: withBytes(options.excludeCredentials),
    },
  });
  const wrong = await send(location.pathname, {
    credential_id: made.id,
    client_data_json: toText(made.response.clientDataJSON),
    attestation_object: toText(made.response.attestationObject),
  });
  if (!wrong) {
    button.remove();
    say("The passkey is enrolled. You can close this page.", false);
  }
  return wrong;
};

const get = async (options) => {
  const signed = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: withBytes(options.allowCredentials),
    },
  });
  const wrong = await send(`${location.pathname}/passkey`, {
    token: button.form.elements.token.value,
    credential_id: signed.id,
    authenticator_data: toText(signed.response.authenticatorData),
    client_data_json: toText(signed.response.clientDataJSON),
    signature: toText(signed.response.signature),
  });
  if (!wrong) location.reload();
  return wrong;
};

const start = async () => {
  const { ceremony, origin, options } = JSON.parse(button.dataset.passkey);
  if (location.origin !== origin) {
    say(`A passkey works at ${origin}${location.pathname} only: open that address.`, true);
    return;
  }
  if (!window.PublicKeyCredential) {
    say("This browser has no passkeys. Use another one.", true);
    return;
  }
  button.disabled = true;
  say("Your device asks you now. It must verify you: fingerprint, face or PIN.", false);
  try {
    const wrong = await (ceremony === "create" ? create(options) : get(options));
    if (wrong) say(wrong, true);
  } catch (error) {
    say(REASONS[ceremony][error.name] || "It did not work. Open this page again, or use another device.", true);
  } finally {
    button.disabled = false;
  }
};

button.addEventListener("click", start);
