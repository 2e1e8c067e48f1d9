// Devices in plain words, from what their browsers and programs say of themselves.

import { text } from "./text.js";

/** Programs, the more special first: most browsers also call themselves Chrome or Safari. */
const PROGRAMS = [
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\/|Opera/, "Opera"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/Vivaldi\//, "Vivaldi"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrom(e|ium)\/|CriOS\//, "Chrome"],
  [/Safari\//, "Safari"],
  [/^curl\//, "curl"],
  [/^Wget/i, "Wget"],
  [/^PostmanRuntime/, "Postman"],
  [/python|httpx|aiohttp/i, "Python"],
  [/^Go-http/, "Go"],
  [/^(okhttp|Java)/i, "Java"],
  [/node|undici|axios/i, "Node.js"],
];

const SYSTEMS = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/CrOS/, "ChromeOS"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/Linux/, "Linux"],
];

/** Returns words such as “Chrome on Windows” for a `User-Agent`; its beginning, if it is not known. */
export function deviceName(userAgent) {
  if (!userAgent) return text.sessions.unknown;
  const [program, system] = [PROGRAMS, SYSTEMS].map((known) => known.find(([form]) => form.test(userAgent))?.[1]);
  return program ? text.sessions.on(program, system) : userAgent.slice(0, 60);
}
