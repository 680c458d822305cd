// The e-mail channel's peer from the world of Node: nodemailer's pooled transport.
//
//   node nodemailer_peer.mjs FOLDER LETTERS PORT COUNT [raw]
//
// FOLDER is where nodemailer is installed, LETTERS a file with one letter a line in JSON. Says
// "ready", waits for a line, sends COUNT letters over ten kept connections, says what it cost.
// With `raw` the bytes are ready-made; without, it does its usual work on subject, text and HTML.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { once } from 'node:events'

const CONNECTIONS = 10

const [folder, file, port, count, raw] = process.argv.slice(2)
const nodemailer = createRequire(join(folder, 'peer.js'))('nodemailer')
const letters = readFileSync(file, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line))

const transport = nodemailer.createTransport({
  host: '127.0.0.1',
  port: Number(port),
  ignoreTLS: true,
  pool: true,
  maxConnections: CONNECTIONS,
  maxMessages: Infinity,
})

function message (letter) {
  const envelope = { from: letter.sender, to: [letter.recipient] }
  if (raw) return { envelope, raw: letter.raw }
  return {
    envelope,
    from: { name: letter.sender_name, address: letter.sender },
    to: { name: letter.recipient_name, address: letter.recipient },
    subject: letter.subject,
    text: letter.text,
    html: letter.html,
    messageId: letter.message_id,
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

let next = 0
let sent = 0

async function send () {
  while (next < Number(count)) {
    await transport.sendMail(message(letters[next++ % letters.length]))
    sent++
  }
}

console.log('ready')
await once(process.stdin, 'data')
// Twice as many as there are connections: the pool always has the next letter at hand.
await Promise.all(Array.from({ length: 2 * CONNECTIONS }, send))
const { user, system } = process.cpuUsage()
console.log(JSON.stringify({ sent, cpu_seconds: (user + system) / 1e6 }))
transport.close()
process.stdin.destroy()
