// Runs in a network namespace: connects there, and hands the socket to its parent, whose it is from then on.
import { connect } from 'node:net';

process.on('message', ({ call, port, address }) => {
  // Paused, or what the peer says first would be read here.
  const socket = connect(port, address).pause();
  socket.once('error', ({ message }) => process.send({ call, error: message }));
  socket.once('connect', () => process.send({ call }, socket));
});
process.on('disconnect', () => process.exit());
process.send('ready');
