// Loaded by the app's Node before the app: listens on another port. It must never break an app.
'use strict';

const fs = require('fs');
const net = require('net');

const hidden = Number(process.env.KEPLOY_MOVE_TO);
const note = process.env.KEPLOY_MOVE_NOTE;
const wanted = Number(process.env.KEPLOY_MOVE_FROM || 0);

function claimed(port) {
  if (wanted && port !== wanted) return false;
  try {
    fs.writeFileSync(note, String(port), { flag: 'wx' });
    return true;
  } catch (error) {
    return Number(fs.readFileSync(note, 'utf8')) === port;
  }
}

function moved(port) {
  try {
    const number = Number(port);
    return number && number !== hidden && claimed(number) ? hidden : port;
  } catch (error) {
    return port;
  }
}

if (hidden && note) {
  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...given) {
    const first = given[0];
    if (typeof first === 'number' || (typeof first === 'string' && /^[0-9]+$/.test(first))) {
      given[0] = moved(first);
    } else if (first && typeof first === 'object' && first.port) {
      given[0] = { ...first, port: moved(first.port) };
    }
    return listen.apply(this, given);
  };
}
