-- wrk's requests: `wrk … -- KIND` with KIND one of ceiling, get, page, search, create. Threads draw from ranges of their own.
local kind, counter, items = "get", 0, 1000
local categories = { "GAR", "GAR", "LAM", "COO", "KNI", "BED", "TOW", "BAC", "BIC", "TEN", "NOT", "HEA" }
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  kind = args[1] or "get"
  math.randomseed(os.time() + id)
end

function request()
  if kind == "ceiling" then
    return wrk.format("GET", "/item")
  elseif kind == "get" then
    local number = math.random(0, items - 1)
    return wrk.format("GET", string.format("/api/v1/items/%s-%04d", categories[number % 12 + 1], number + 1))
  elseif kind == "page" then
    return wrk.format("GET", "/api/v1/items?limit=20")
  elseif kind == "search" then
    return wrk.format("GET", "/api/v1/items?limit=20&q=folding%20gre")
  end
  counter = counter + 1
  local body = string.format('{"sku":"B-%d-%d-%d","name":"Item %d","price":{"amount":"12.50","currency":"EUR"}}',
    os.time(), id, counter, counter)
  return wrk.format("POST", "/api/v1/items", { ["Content-Type"] = "application/json" }, body)
end

function done(summary, latency)
  io.write(string.format("RESULT %d %.3f %.3f %d\n", summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
