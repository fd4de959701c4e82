// The pixel and the lines for nginx in docs/embedding.md.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../wait.mjs";
import { CHROME, documented, inFirefox, NGINX_BINARY, SITE } from "./support/places.mjs";
import { check, checkStatistics, test, until } from "./support/test.mjs";

test("the pixel, without script", async ({ driver, counter, site, expectRecords, expectedStatistics }) => {
  site.pages.set("/plain", { copies: 0, body: documented("html", "<img").replace("https://HOST", counter.origin) });
  const context = await driver.newContext({ userAgent: CHROME });
  const page = await context.newPage();
  await page.goto(`${site.origin}/plain?token=1`);
  await expectRecords([]);
  check("the pixel is requested once", counter.pixels.length === 1, counter.pixels);
  // Firefox sends other sites only the origin of the page.
  const referrer = inFirefox ? `${site.origin}/` : `${site.origin}/plain?token=1`;
  check("the referrer names the page", counter.pixels[0]?.referer === referrer, counter.pixels[0]);
  expectedStatistics.add("all", "pageviews");
  expectedStatistics.add("pages", inFirefox ? "/" : "/plain");
  await context.close();
});

/** The configuration of a site's server with the lines of the documentation. */
const nginxConfiguration = (folder, port, sitePort, lines) => `
  daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
  events { }
  http {
    access_log off;
    ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(name => `${name}_temp_path ${folder}/${name};`).join(" ")}
    server {
      listen 127.0.0.1:${port};
      location / { proxy_pass http://127.0.0.1:${sitePort}; }
      ${lines}
    }
  }`;

test("nginx", async ({ driver, counter, site, expectRecords }) => {
  const folder = mkdtempSync(join(tmpdir(), "footfall-nginx."));
  const port = await freePort();
  const lines = documented("nginx", "location").replaceAll("https://HOST", `http://127.0.0.1:${counter.port}`);
  writeFileSync(join(folder, "nginx.conf"), nginxConfiguration(folder, port, site.port, lines));
  const server = spawn(
    NGINX_BINARY,
    ["-e", join(folder, "error.log"), "-p", folder, "-c", join(folder, "nginx.conf")],
    { stdio: "inherit" },
  );
  const stop = () => server.kill();
  process.on("exit", stop);
  try {
    const origin = `http://${SITE}:${port}`;
    await until("nginx is ready", async () => (await fetch(`http://127.0.0.1:${port}/`)).ok);
    site.pages.set("/home", {
      source: documented("html", 'src="/f/footfall.js"').match(/src="([^"]*)"/)[1],
      headers: { "set-cookie": "session=secret", "content-security-policy": "default-src 'self'" },
    });
    const context = await driver.newContext({
      userAgent: CHROME,
      extraHTTPHeaders: { "x-forwarded-for": "203.0.113.7" },
    });
    const page = await context.newPage();
    const messages = [];
    context.on("console", message => {
      if (["error", "warning"].includes(message.type())) messages.push(message.text());
    });
    await page.goto(`${origin}/home?token=secret`);
    await until("the first view has arrived", async () => counter.records.length === 1);
    await page.reload();
    await expectRecords([{ p: "/home" }, { p: "/home" }], {
      origin,
      isAsWanted: ({ headers }) => headers["x-forwarded-for"] === "127.0.0.1",
    });
    const addresses = counter.records.map(({ url }) => url);
    check(
      "the counter gets its own path",
      addresses.every(address => address === "/v"),
      addresses,
    );
    check("the console is empty", messages.length === 0, messages);
    await context.close();
  } finally {
    process.off("exit", stop);
    stop();
    if (server.exitCode === null) await once(server, "exit");
    rmSync(folder, { recursive: true });
  }
});

test("the handler has counted each request", checkStatistics());
