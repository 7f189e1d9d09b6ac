// OpenMeter's npm SDK, told what to do: a line ["meters.get", "slug"] in, a line {value} or {error} out.
import { createInterface } from 'node:readline'
import { OpenMeter } from '@openmeter/sdk'

const [baseUrl, apiKey] = process.argv.slice(2)
const client = new OpenMeter({ baseUrl, apiKey })

async function called(path, args) {
  const names = path.split('.')
  const method = names.pop()
  const owner = names.reduce((found, name) => found[name], client)
  try {
    return { value: (await owner[method](...args)) ?? null }
  } catch (error) {
    return { error: { name: error.name, status: error.status, detail: error.getField?.('detail') ?? error.message } }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [path, ...args] = JSON.parse(line)
  console.log(JSON.stringify(await called(path, args)))
}
