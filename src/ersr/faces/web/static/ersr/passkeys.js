// Passkeys: shows the buttons that need a script, asks the device, and posts the form that stands around the button.
// No text of its own: what is said to people stands in data attributes, in their language.
"use strict";

(() => {
  if (!window.PublicKeyCredential || !navigator.credentials || !window.isSecureContext) return;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  // The JSON of the server as the browser wants it, and its answer as the server wants it.
  const decoded = (options) => {
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const list of [options.allowCredentials, options.excludeCredentials]) {
      for (const one of list || []) one.id = bytes(one.id);
    }
    return options;
  };
  const encoded = (answer) => {
    const response = { clientDataJSON: text(answer.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (answer.response[name]) response[name] = text(answer.response[name]);
    }
    return JSON.stringify({ id: answer.id, rawId: text(answer.rawId), type: answer.type, response });
  };

  const asked = async (form, about) => {
    const sent = new URLSearchParams({ about, csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value });
    const answer = await fetch("/passkey/options", { method: "POST", body: sent, credentials: "same-origin" });
    if (!answer.ok) throw new TypeError("no options");
    return decoded((await answer.json()).publicKey);
  };

  const answered = async (part, form) => {
    if (part.dataset.make) return navigator.credentials.create({ publicKey: decoded(JSON.parse(part.dataset.make).publicKey) });
    return navigator.credentials.get({ publicKey: await asked(form, part.dataset.passkey) });
  };

  for (const words of document.querySelectorAll("[data-no-passkey]")) words.hidden = true;
  for (const part of document.querySelectorAll("[data-passkey]")) {
    const button = part.querySelector("button");
    const words = part.querySelector(".passkey-words");
    const form = part.closest("form");
    part.hidden = false;
    button.addEventListener("click", async () => {
      button.setAttribute("aria-disabled", "true");
      words.textContent = part.dataset.asking;
      try {
        const answer = await answered(part, form);
        part.querySelector("input[type=hidden]").value = encoded(answer);
        form.requestSubmit(form.querySelector("button[type=submit]"));
      } catch (problem) {
        words.textContent = problem instanceof TypeError ? part.dataset.unreachable : part.dataset.ended;
        button.removeAttribute("aria-disabled");
        button.focus();
      }
    });
  }
})();
