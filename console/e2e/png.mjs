// Makes a picture of a page small: at most 256 colours, the rare ones by their nearest neighbour.

import { crc32 as crc, deflateSync, inflateSync } from 'node:zlib';

const MOST = 256;

/** A PNG of 8 bits for each channel as one with a palette. */
export function shrink(png) {
  const { width, height, channels, data } = decode(png);
  const rows = unfilter(data, width * channels, height, channels);
  const colours = new Map();
  for (let at = 0; at < rows.length; at += channels) {
    const colour = (rows[at] << 16) | (rows[at + 1] << 8) | rows[at + 2];
    colours.set(colour, (colours.get(colour) ?? 0) + 1);
  }
  const palette = [...colours]
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST)
    .map(([colour]) => colour);
  const index = new Map([...colours.keys()].map((colour) => [colour, nearest(colour, palette)]));
  const out = Buffer.alloc((width + 1) * height);
  for (let at = 0, pixel = 0; at < rows.length; at += channels, pixel += 1) {
    const colour = (rows[at] << 16) | (rows[at + 1] << 8) | rows[at + 2];
    out[pixel + Math.floor(pixel / width) + 1] = index.get(colour);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const table = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  const chunks = [
    chunk('IHDR', header),
    chunk('PLTE', table),
    chunk('IDAT', deflateSync(out, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat([png.subarray(0, 8), ...chunks]);
}

function decode(png) {
  const parts = [];
  let header;
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const name = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (name === 'IHDR') header = body;
    if (name === 'IDAT') parts.push(body);
    at += 12 + length;
  }
  const channels = header[9] === 6 ? 4 : 3;
  return {
    width: header.readUInt32BE(0),
    height: header.readUInt32BE(4),
    channels,
    data: inflateSync(Buffer.concat(parts)),
  };
}

/** Undoes what each row says was done to it before it was compressed. */
function unfilter(data, stride, height, channels) {
  const rows = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = data[y * (stride + 1)];
    const row = y * stride;
    for (let x = 0; x < stride; x += 1) {
      const left = x >= channels ? rows[row + x - channels] : 0;
      const up = y > 0 ? rows[row + x - stride] : 0;
      const corner = x >= channels && y > 0 ? rows[row + x - stride - channels] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      rows[row + x] = (data[y * (stride + 1) + 1 + x] + guess) & 255;
    }
  }
  return rows;
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((it) => Math.abs(guess - it));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function nearest(colour, palette) {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [at, other] of palette.entries()) {
    const red = (colour >> 16) - (other >> 16);
    const green = ((colour >> 8) & 255) - ((other >> 8) & 255);
    const blue = (colour & 255) - (other & 255);
    const distance = red * red + 2 * green * green + blue * blue;
    if (distance < least) {
      least = distance;
      best = at;
    }
  }
  return best;
}

function chunk(name, body) {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  const named = Buffer.concat([Buffer.from(name, 'latin1'), body]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc(named));
  return Buffer.concat([head, named, sum]);
}
