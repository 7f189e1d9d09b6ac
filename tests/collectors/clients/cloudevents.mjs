// Sends one event structured, one binary, and two as a batch, which the SDK has no writer for; again, too; prints the receipts.
import { CloudEvent, HTTP } from "cloudevents";

const made = (id, pages, subject = "zoë") =>
  new CloudEvent({ type: "report.made", source: "js", id, subject, data: { pages, usage: { tokens: 10 } } });

async function send(headers, body) {
  headers.Authorization = `Bearer ${process.env.KEY}`;
  const answer = await fetch(`${process.env.HOURMETER}/v1/events`, { method: "POST", headers, body });
  return await answer.json();
}

const structured = HTTP.structured(made("s", 1));
const binary = HTTP.binary(made("b", 2, "ann"));
const batch = JSON.stringify([made("1", 4), made("2", 8)]);
const receipts = [];
for (const attempt of [1, 2]) {
  receipts.push([
    await send(structured.headers, structured.body),
    await send(binary.headers, binary.body),
    await send({ "content-type": "application/cloudevents-batch+json" }, batch),
  ]);
}
console.log(JSON.stringify(receipts));
