// Two servers: a counter that records each request, and a site whose pages embed the script.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { SITE } from "./places.mjs";

const ASSETS = new URL("../../../../handler/assets/", import.meta.url);

async function listen(server) {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server.address().port;
}

function answerItself(path, response) {
  if (path === `/v/${SITE}.gif`) return response.setHeader("content-type", "image/gif").end("GIF89a");
  response.setHeader("cross-origin-resource-policy", "cross-origin");
  const { pathname, searchParams } = new URL(path, "http://stats.example.org");
  if (pathname.endsWith("/footfall.js")) {
    const file = searchParams.has("track") ? "footfall-track.min.js" : "footfall.min.js";
    return response
      .setHeader("access-control-allow-origin", "*")
      .setHeader("content-type", "text/javascript; charset=utf-8")
      .end(readFileSync(new URL(file, ASSETS)));
  }
  return response.writeHead(path === "/v" ? 204 : 404).end();
}

function forward(upstream, path, incoming, address, body, response) {
  const { host, connection, ...rest } = incoming.headers;
  const headers = { ...rest, "x-forwarded-for": address };
  const outgoing = request(`${upstream}${path}`, { method: incoming.method, headers }, answer => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  outgoing.on("error", error => response.writeHead(502).end(String(error)));
  outgoing.end(body);
}

/** Starts the counter. It responds as the handler would, or forwards to the handler at `upstream`. */
export async function startCounter(upstream) {
  const counter = {
    /** The requests of the current test: views and events, and the headers of pixels. */
    records: [],
    pixels: [],
    /** The addresses from which the module of data-track was requested. */
    modules: [],
    /** Each test has its own network, so that limits of one network do not apply to all tests together. */
    network: 0,
    reset() {
      counter.records = [];
      counter.pixels = [];
      counter.modules = [];
      counter.network += 1;
      counter.released = undefined;
    },
    /** Delays the responses to views and events until `release` is called. */
    hold() {
      counter.released = new Promise(resolve => {
        counter.release = resolve;
      });
    },
  };
  const server = createServer((incoming, response) => {
    const parts = [];
    incoming.on("data", part => parts.push(part));
    incoming.on("end", async () => {
      const body = Buffer.concat(parts);
      // Some tests use other paths than the handler has.
      const path = incoming.url.replace(/^\/moved/, "").replace(/^\/renamed$/, "/v");
      if (path.endsWith("&track")) counter.modules.push(path);
      if (path.endsWith(".gif")) counter.pixels.push(incoming.headers);
      if (incoming.method !== "GET") {
        const record = { method: incoming.method, url: incoming.url, headers: incoming.headers, text: body.toString() };
        counter.records.push(record);
        response.on("finish", () => {
          record.status = response.statusCode;
        });
        await counter.released;
      }
      if (upstream) forward(upstream, path, incoming, `198.51.100.${counter.network}`, body, response);
      else answerItself(path, response);
    });
  });
  counter.port = await listen(server);
  counter.origin = `http://stats.example.org:${counter.port}`;
  counter.end = () => server.close();
  return counter;
}

/** Starts the site. Every path is a page that embeds the script. `site.pages` changes single pages. */
export async function startSite(counter) {
  const site = {
    pages: new Map(),
    /** The paths that a browser requested before opening them. */
    prerendered: new Set(),
    reset() {
      site.pages.clear();
      site.prerendered.clear();
    },
  };
  const server = createServer((incoming, response) => {
    const { pathname } = new URL(incoming.url, "http://example.com");
    if (incoming.headers["sec-purpose"]?.includes("prerender")) site.prerendered.add(pathname);
    if (pathname === "/favicon.ico") return response.writeHead(204).end();
    // Never ends, so that its body occupies the browser's allowance for keepalive.
    if (pathname === "/held") return response;
    const {
      attributes = "",
      source = `${counter.origin}/footfall.js`,
      copies = 1,
      head = "",
      body = "",
      headers = {},
    } = site.pages.get(pathname) ?? {};
    const line = `<script defer data-site="${SITE}" ${attributes} src="${source}"></script>`;
    const title = `<title>${pathname}</title>`;
    return response
      .writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers })
      .end(
        `<!doctype html><html lang="en"><head>${title}${head}${line.repeat(copies)}</head><body>${body}</body></html>`,
      );
  });
  site.port = await listen(server);
  site.origin = `http://${SITE}:${site.port}`;
  site.end = () => server.close();
  return site;
}
