/* Syntax colours for the few languages that model cards and generated code use. One pass of one
 * regular expression a language; what it does not know stays plain. */

import { el } from "./dom.js";

const words = (list) => new RegExp("^(?:" + list.replaceAll(" ", "|") + ")$");

const PYTHON = words(
    "and as assert async await break class continue def del elif else except False finally " +
        "for from global if import in is lambda None nonlocal not or pass raise return True try " +
        "while with yield",
);
const SCRIPT = words(
    "async await break case catch class const continue default delete do else export extends " +
        "false finally for from function if import in instanceof let new null of return static " +
        "super switch this throw true try typeof undefined var void while yield",
);
const SHELL = words(
    "case curl do done elif else esac export fi for function git hf if in npm pip then while",
);

const NUMBER = /\b\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?\b/;
const WORD = /[A-Za-z_$][\w$]*/;
const NEVER = /(?!)/;

/* A key is a string before a colon. */
const LANGUAGES = {
    python: {
        comment: /#.*/,
        string: /"""[^]*?"""|'''[^]*?'''|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'/,
        keyword: PYTHON,
    },
    javascript: {
        comment: /\/\/.*|\/\*[^]*?\*\//,
        string: /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`/,
        keyword: SCRIPT,
    },
    shell: { comment: /(?<=^|\s)#.*/, string: /"(?:\\[^]|[^"\\])*"|'[^']*'/, keyword: SHELL },
    json: { comment: NEVER, string: /"(?:\\.|[^"\\])*"/, keyword: words("true false null") },
};

const ALIASES = {
    py: "python",
    python3: "python",
    js: "javascript",
    ts: "javascript",
    typescript: "javascript",
    bash: "shell",
    sh: "shell",
    console: "shell",
    zsh: "shell",
};

function expression({ comment, string }) {
    const kinds = [comment, string, NUMBER, WORD].map((kind) => `(${kind.source})`);
    return new RegExp(kinds.join("|"), "gm");
}

function kindOf(match, keyword, following) {
    if (match[1] !== undefined) return "comment";
    if (match[2] !== undefined) return /^\s*:/.test(following) ? "key" : "string";
    if (match[3] !== undefined) return "number";
    if (keyword.test(match[4])) return "keyword";
    return following.startsWith("(") ? "call" : null;
}

/* The code as nodes: plain text with <span class="tok-..."> around what was recognised. */
export function highlight(code, language) {
    const nodes = document.createDocumentFragment();
    const rules = LANGUAGES[ALIASES[language] ?? language];
    let done = 0;
    for (const match of rules ? code.matchAll(expression(rules)) : []) {
        const end = match.index + match[0].length;
        const kind = kindOf(match, rules.keyword, code.slice(end, end + 8));
        if (kind) {
            nodes.append(
                code.slice(done, match.index),
                el("span", { class: "tok-" + kind }, match[0]),
            );
            done = end;
        }
    }
    nodes.append(code.slice(done));
    return nodes;
}
