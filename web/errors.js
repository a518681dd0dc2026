/* Errors where the user looks: what failed, and what to do about it. */

import { setToken, token } from "./api.js";
import { el, icon } from "./dom.js";

/* By status: a headline people understand; the server's own words follow it. */
const HEADLINES = {
    0: "The server cannot be reached",
    400: "The request is not valid",
    401: "This server needs a token",
    403: "This token may not do that",
    404: "Not found",
    413: "The input is too large",
    422: "This model cannot do that",
    429: "Too many requests at once",
    500: "The model failed",
    502: "The model crashed",
    503: "The model is not available now",
    507: "The model does not fit into memory",
};

/* A form for a token; done() runs once it is stored. */
export function tokenForm(done) {
    const input = el("input", {
        type: "password",
        name: "token",
        autocomplete: "off",
        spellcheck: "false",
        required: true,
        placeholder: "hf_…",
        "aria-label": "Access token",
    });
    input.value = token();
    return el(
        "form",
        {
            class: "token-form",
            on: {
                submit(event) {
                    event.preventDefault();
                    setToken(input.value.trim());
                    done();
                },
            },
        },
        input,
        el("button", { class: "button primary" }, "Use token"),
        el(
            "p",
            { class: "hint" },
            "Made with ",
            el("code", {}, "inferd token create"),
            ". It stays in this browser.",
        ),
    );
}

/* The box for an error. retry: called after a token was pasted (401), or by the button. */
export function errorBox(error, retry = null) {
    const headline =
        HEADLINES[error.status] ??
        (error.status ? "Error " + error.status : "Something went wrong");
    const again =
        retry && (error.status === 0 || error.status >= 429)
            ? el(
                  "button",
                  { type: "button", class: "button small", on: { click: retry } },
                  "Try again",
              )
            : null;
    const tokens = retry && error.status === 401 ? tokenForm(retry) : null;
    return el(
        "div",
        { class: "error-box", role: "alert" },
        icon("warning"),
        el(
            "div",
            {},
            el("strong", {}, headline),
            el("p", { class: "error-text" }, error.message),
            again,
            tokens,
        ),
    );
}
