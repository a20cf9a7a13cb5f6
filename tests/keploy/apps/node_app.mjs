// The shop on Node's own server, which calls out with fetch and https: node node_app.mjs PORT
import { createHash } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { gzipSync } from 'node:zlib';

const { PLAIN_URL, SECURE_URL, SESSION_TOKEN, SHOP_TOKEN } = process.env;
const headers = { Authorization: `Bearer ${SHOP_TOKEN}` };
let items = [];

const read = async (stream) => {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
};

const order = async (client) => {
  const body = JSON.stringify({ client });
  const json = { ...headers, 'Content-Type': 'application/json' };
  return (await fetch(`${PLAIN_URL}/orders`, { method: 'POST', body, headers: json })).json();
};

const calls = {
  fetch: async () => {
    const rate = await fetch(`${SECURE_URL}/rates?client=fetch`, { headers });
    return [await order('fetch'), await rate.json()];
  },
  https: async () => {
    const rate = await new Promise((done, fail) => {
      https.get(`${SECURE_URL}/rates?client=https`, { headers }, done).on('error', fail);
    });
    return [await order('https'), JSON.parse(await read(rate))];
  },
};

const upload = (type, body) => {
  const mark = Buffer.from(`--${/boundary=([^;]+)/.exec(type)[1]}`);
  const found = {};
  let at = body.indexOf(mark) + mark.length + 2;
  for (let end; (end = body.indexOf(mark, at)) > 0; at = end + mark.length + 2) {
    const split = body.indexOf('\r\n\r\n', at);
    const head = body.subarray(at, split).toString();
    const data = body.subarray(split + 4, end - 2);
    const name = / name="([^"]+)"/.exec(head)[1];
    const file = /filename="([^"]+)"/.exec(head);
    found[name] = file
      ? [file[1], createHash('sha256').update(data).digest('hex')]
      : data.toString();
  }
  return found;
};

const answer = async (request, response) => {
  const { method, url } = request;
  const body = await read(request);
  const json = (data, status = 200, more = {}) => {
    response.writeHead(status, { 'Content-Type': 'application/json', ...more });
    response.end(method === 'HEAD' ? undefined : JSON.stringify(data));
  };
  if (method === 'POST' && url === '/items') {
    const item = { number: items.length + 1, ...JSON.parse(body) };
    items.push(item);
    json(item, 201);
  } else if (url === '/items') json(items);
  else if (method === 'DELETE') {
    items = items.filter((item) => item.number !== Number(url.split('/').pop()));
    response.writeHead(204).end();
  } else if (url === '/version') json({ name: 'shop', version: process.env.SHOP_VERSION ?? '1' });
  else if (url === '/login') {
    const cookie = { 'Set-Cookie': `session=${SESSION_TOKEN}` };
    json({ user: 'ada', access_token: SESSION_TOKEN }, 200, cookie);
  } else if (url === '/form') json(Object.fromEntries(new URLSearchParams(body.toString())));
  else if (url === '/upload') json(upload(request.headers['content-type'], body));
  else if (url === '/picture') {
    const bytes = Uint8Array.from({ length: 256 }, (_, number) => number);
    response.writeHead(200, { 'Content-Type': 'image/png' }).end(bytes);
  } else if (url === '/packed') {
    const head = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
    response.writeHead(200, head).end(gzipSync(JSON.stringify({ packed: ['tea', 'cup'] })));
  } else if (url === '/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (let id = 0; id < 3; id += 1) response.write(`event: tick\nid: ${id}\ndata: {"number": ${id}}\n\n`);
    response.end();
  } else if (url.startsWith('/call/')) json(await calls[url.slice('/call/'.length)]());
  else json({ error: 'not found' }, 404);
};

http.createServer((request, response) => {
  answer(request, response).catch((error) => {
    response.writeHead(500, { 'Content-Type': 'text/plain' });
    response.end(`${error} ${error.cause ?? ''}`);
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
