// Lead Node's clients through the proxy; loaded before an app's first line with --require.
// Nothing is loaded that Node has not loaded itself, and fetch is touched when it is first used.
'use strict';

const net = require('net');

const proxy = process.env.KEPLOY_PROXY_URL ? new URL(process.env.KEPLOY_PROXY_URL) : null;
const proxyHost = proxy ? proxy.hostname.replace(/^\[|\]$/g, '') : '';
const proxyPort = proxy ? Number(proxy.port) : 0;
const MOST_HEAD_BYTES = 65536;

// Ask the proxy for a connection to host:port, and call back with (error) or (null, socket).
function tunnel(host, port, callback) {
  const socket = net.connect({ host: proxyHost, port: proxyPort });
  const name = host.includes(':') ? `[${host}]` : host;
  let head = Buffer.alloc(0);
  const finish = (error) => {
    socket.removeListener('error', finish);
    socket.removeListener('readable', read);
    socket.removeListener('end', ended);
    if (error) {
      socket.destroy();
      callback(error);
    } else {
      callback(null, socket);
    }
  };
  const ended = () => finish(new Error(`the proxy gave no connection to ${name}:${port}`));
  const read = () => {
    let piece;
    while ((piece = socket.read()) !== null) {
      head = Buffer.concat([head, piece]);
      const end = head.indexOf('\r\n\r\n');
      if (end >= 0) {
        const status = /^HTTP\/1\.[01] (\d{3})/.exec(head.toString('latin1'));
        if (!status || status[1] !== '200') {
          const error = new Error(`the proxy answered ${status ? status[1] : 'nothing'} for ${name}:${port}`);
          error.code = 'ECONNREFUSED';
          finish(error);
          return;
        }
        const rest = head.subarray(end + 4);
        if (rest.length) socket.unshift(rest);
        finish(null);
        return;
      }
      if (head.length > MOST_HEAD_BYTES) {
        finish(new Error('the proxy answered with too long a head'));
        return;
      }
    }
  };
  socket.on('error', finish);
  socket.on('readable', read);
  socket.on('end', ended);
  socket.on('connect', () => {
    socket.write(`CONNECT ${name}:${port} HTTP/1.1\r\nHost: ${name}:${port}\r\n\r\n`);
  });
}

function isProxy(options) {
  return Number(options.port) === proxyPort && (options.host || options.hostname) === proxyHost;
}

// Agents make their connections by this method, and agents that apps derive call it too.
function leadAgent(Agent, secure) {
  const direct = Agent.prototype.createConnection;
  Agent.prototype.createConnection = function createConnection(...args) {
    const options = args[0];
    const callback = args[args.length - 1];
    const plain = typeof options !== 'object' || options === null || typeof callback !== 'function';
    if (plain || options.socketPath || isProxy(options)) {
      return direct.apply(this, args);
    }
    const host = options.host || options.hostname || 'localhost';
    const port = options.port || (secure ? 443 : 80);
    tunnel(host, port, (error, socket) => {
      if (error) {
        callback(error);
      } else if (secure) {
        const servername = options.servername || (net.isIP(host) ? '' : host);
        try {
          callback(null, require('tls').connect({ ...options, servername, socket }));
        } catch (failure) {
          callback(failure);
        }
      } else {
        callback(null, socket);
      }
    });
    return undefined;
  };
}

// The dispatcher behind fetch can be replaced once its own class is known.
const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

function leadFetch() {
  const direct = globalThis.fetch;
  if (typeof direct !== 'function') return;
  let led = false;
  const fetch = function fetch(input, init) {
    if (!led) {
      led = true;
      guarded('fetch', () => {
        // Any part of the library loads all of it, the dispatcher included.
        void globalThis.Headers;
        const current = globalThis[DISPATCHER];
        if (!current) throw new Error('its dispatcher is not there');
        globalThis[DISPATCHER] = new current.constructor({ connect: connectFetch });
      });
    }
    return direct(input, init);
  };
  Object.defineProperty(globalThis, 'fetch', {
    value: fetch, writable: true, enumerable: true, configurable: true,
  });
}

function connectFetch(options, callback) {
  const secure = options.protocol === 'https:';
  const host = options.hostname.replace(/^\[|\]$/g, '');
  tunnel(host, options.port || (secure ? 443 : 80), (error, socket) => {
    if (error) {
      callback(error, null);
      return;
    }
    if (!secure) {
      callback(null, socket);
      return;
    }
    const servername = options.servername || (net.isIP(host) ? '' : host);
    const secured = require('tls').connect({ socket, servername, ALPNProtocols: ['http/1.1'] });
    const failed = (failure) => callback(failure, null);
    secured.once('error', failed);
    secured.once('secureConnect', () => {
      secured.removeListener('error', failed);
      callback(null, secured);
    });
  });
}

function guarded(what, change) {
  try {
    change();
  } catch (error) {
    process.stderr.write(`keploy: ${what} is left as it is: ${error.name}\n`);
  }
}

if (proxy) {
  guarded('http', () => leadAgent(require('http').Agent, false));
  guarded('https', () => leadAgent(require('https').Agent, true));
  guarded('fetch', leadFetch);
}
