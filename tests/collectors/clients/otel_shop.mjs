// A shop measured with OpenTelemetry; the file that it is given sets the SDK up. Works a round per line of input.
import { createInterface } from "node:readline";
import { metrics } from "@opentelemetry/api";

const { provider } = await import(process.argv[2]);
const CUSTOMERS = ["ann", "bob", "zoë"];
const WORKERS = [2, 5, 3];
const meter = metrics.getMeter("shop", "1.0");
const orders = meter.createCounter("shop.orders", { unit: "{order}" });
const pages = meter.createCounter("shop.pages", { unit: "{page}" });
const duration = meter.createHistogram("shop.render.duration", { unit: "s" });
const workers = meter.createUpDownCounter("shop.workers");
const queue = meter.createGauge("shop.queue");
const counted = { orders: { ann: 0, bob: 0, "zoë": 0 }, quarter_pages: 0, renders: 0, seconds: 0, longest_queue: 0 };
let running = 0;
let round = 0;
for await (const line of createInterface({ input: process.stdin })) {
  for (const [place, customer] of CUSTOMERS.entries()) {
    orders.add(round + place + 1, { customer });
    counted.orders[customer] += round + place + 1;
  }
  pages.add(round + 0.25);
  counted.quarter_pages += 4 * round + 1;
  for (const took of [0.5, 1.25, round / 8]) {
    duration.record(took, { route: "/cart" });
    counted.seconds += took;
  }
  counted.renders += 3;
  const wanted = WORKERS[round % WORKERS.length];
  workers.add(wanted - running);
  running = wanted;
  queue.record(round % 4);
  counted.longest_queue = Math.max(counted.longest_queue, round % 4);
  // The SDK knows milliseconds: a count whose start is the time of its first value has, by OTLP, an unknown start.
  for (const since = Date.now(); Date.now() < since + 2; ) await new Promise((done) => setTimeout(done, 1));
  await provider.forceFlush();
  console.log("done");
  round += 1;
}
await provider.shutdown();
counted.seconds = String(counted.seconds);
console.log(JSON.stringify(counted));
