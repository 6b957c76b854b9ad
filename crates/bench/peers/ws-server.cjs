// The peer on Node: topics on a WebSocket server of the package "ws".
// Refuses whatever the load does not need: no rights, no store, no replay but the newest event.
const { WebSocketServer } = require("ws");
const net = require("net");

const [payload] = process.argv.slice(2);
const topics = new Map();

const topicOf = (number) => {
  if (!topics.has(number)) topics.set(number, { audience: new Set(), newest: null });
  return topics.get(number);
};

const responseId = "019ab3c4-5d6e-7f80-9123-456789abcdef";
const receivedAt = "2026-11-22T10:00:01.123456Z";

const event = (topic, number) =>
  `{"event":"response","command_id":"${String(topic).padStart(36, "0")}","sequence_number":${number}` +
  `,"offset":${number},"response":{"response_id":"${responseId}","response_payload":${payload}` +
  `,"sequence_number":${number},"is_final":false,"received_at":"${receivedAt}"}` +
  `,"response_id":"${responseId}","response_payload":${payload},"is_final":false}`;

const sockets = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
sockets.on("connection", (socket, request) => {
  const topic = topicOf(Number(request.url.slice(1)));
  topic.audience.add(socket);
  socket.on("close", () => topic.audience.delete(socket));
  socket.on("error", () => {});
  if (topic.newest) socket.send(topic.newest, { binary: false });
});

// Records of eight bytes: topic and number of an event to publish.
const control = net.createServer((feed) => {
  let unread = Buffer.alloc(0);
  feed.on("data", (chunk) => {
    unread = Buffer.concat([unread, chunk]);
    for (; unread.length >= 8; unread = unread.subarray(8)) {
      const [number, sequence] = [unread.readUInt32LE(0), unread.readUInt32LE(4)];
      const topic = topicOf(number);
      topic.newest = Buffer.from(event(number, sequence));
      for (const socket of topic.audience) socket.send(topic.newest, { binary: false });
    }
  });
});

const address = (server) => `127.0.0.1:${server.address().port}`;
sockets.on("listening", () =>
  control.listen(0, "127.0.0.1", () => {
    console.log(JSON.stringify({ sockets: address(sockets), control: address(control) }));
  }),
);
