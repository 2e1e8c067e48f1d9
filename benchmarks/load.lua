-- wrk's requests: `wrk … -- KIND IDS` with KIND one of item-bytes, page-bytes (the ceiling), get, page, search, create, reprice, mix,
-- and IDS a file with the items that are there: id and version, one a line. With PEER set, ETags are the peer's. One thread.
local ITEMS = "/api/v1/items"
local JSON = { ["Content-Type"] = "application/json" }
local kind, counter = "get", 0
local ids, free, first, last = {}, {}, 1, 0

function init(args)
  kind = args[1]
  math.randomseed(os.time())
  if args[2] then
    for line in io.lines(args[2]) do
      local id, version = line:match("(%S+) (%S+)")
      ids[#ids + 1] = id
      free[#ids] = { id = id, etag = tag(id, version) }
    end
    last = #ids
  end
  if kind == "reprice" then
    response = answered
  end
end

local function price()
  counter = counter + 1
  return string.format('{"amount":"%d.%02d","currency":"EUR"}', 1 + counter / 100 % 9000, counter % 100)
end

local function get()
  return wrk.format("GET", ITEMS .. "/" .. ids[math.random(#ids)])
end

local function page()
  return wrk.format("GET", ITEMS .. "?limit=20")
end

-- Catalog's ETag names row and version, the peer's the version.
function tag(id, version)
  if os.getenv("PEER") then
    return '"' .. version .. '"'
  end
  return '"' .. id:gsub("-", "") .. "." .. version .. '"'
end

-- An item is repriced by one request at a time, on the version that its last answer had.
function answered(status, _, body)
  if status == 200 then
    local id = body:match('"id":"([^"]+)"')
    last = last + 1
    free[last] = { id = id, etag = tag(id, body:match('"version":(%d+)')) }
  end
end

function request()
  if kind == "item-bytes" then
    return wrk.format("GET", "/item")
  elseif kind == "page-bytes" then
    return wrk.format("GET", "/page")
  elseif kind == "get" then
    return get()
  elseif kind == "page" then
    return page()
  elseif kind == "search" then
    return wrk.format("GET", ITEMS .. "?limit=20&q=folding%20gre")
  elseif kind == "create" then
    counter = counter + 1
    local body = string.format('{"sku":"B-%d-%d","name":"Item %d","price":{"amount":"12.50","currency":"EUR"}}',
      os.time(), counter, counter)
    return wrk.format("POST", ITEMS, JSON, body)
  elseif kind == "reprice" then
    local one = free[first]
    free[first] = nil
    first = first + 1
    local headers = { ["Content-Type"] = "application/json", ["If-Match"] = one.etag }
    return wrk.format("PATCH", ITEMS .. "/" .. one.id .. "/price", headers, price())
  end
  -- The mix: of 100 requests, 76 read an item, 19 the first page, 5 write a price.
  local chance = math.random(100)
  if chance <= 76 then
    return get()
  elseif chance <= 95 then
    return page()
  end
  return wrk.format("PATCH", ITEMS .. "/" .. ids[math.random(#ids)] .. "/price", JSON, price())
end

function done(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %.1f %.3f %.3f %d %d\n", summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.requests, failed))
end
