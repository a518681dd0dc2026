/* Talking to the server: the token, errors, and the few calls that several pages make. */

const KEY = "inferd.token";

/* What the server (or the network) answered instead of a result. status 0: it was not reached. */
export class ApiError extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

export function token() {
    try {
        return localStorage.getItem(KEY) ?? "";
    } catch {
        return "";
    }
}

export function setToken(value) {
    if (value) localStorage.setItem(KEY, value);
    else localStorage.removeItem(KEY);
}

async function errorOf(response) {
    let message = "";
    try {
        const { error } = await response.clone().json();
        message =
            typeof error === "string"
                ? error
                : Array.isArray(error)
                  ? error.join("; ")
                  : error.message;
    } catch {
        message = (await response.text()).slice(0, 500);
    }
    return new ApiError(response.status, message || response.statusText || "no explanation given");
}

/* fetch() with the stored token; a reply that is not 2xx, or none, throws an ApiError. */
export async function request(path, options = {}) {
    const headers = new Headers(options.headers);
    if (token()) headers.set("Authorization", "Bearer " + token());
    let response;
    try {
        response = await fetch(path, { ...options, headers });
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new ApiError(0, "cannot reach " + location.host);
    }
    if (!response.ok) throw await errorOf(response);
    return response;
}

export async function getJson(path, options) {
    return (await request(path, options)).json();
}

/* What the list of models shows of each. */
const LISTED = [
    "pipeline_tag",
    "library_name",
    "tags",
    "lastModified",
    "safetensors",
    "usedStorage",
];

/* Every model of the machine, page after page. */
export async function listModels() {
    const models = [];
    let next = "/api/models?limit=1000&" + LISTED.map((name) => "expand=" + name).join("&");
    while (next) {
        const response = await request(next);
        models.push(...(await response.json()));
        const link = /<([^>]+)>\s*;\s*rel="next"/.exec(response.headers.get("Link") ?? "");
        const url = link && new URL(link[1], location.href);
        next = url && url.pathname + url.search;
    }
    return models;
}

/* "owner/name" as a URL path: each segment escaped, the slash kept. */
export function idPath(id) {
    return id.split("/").map(encodeURIComponent).join("/");
}
