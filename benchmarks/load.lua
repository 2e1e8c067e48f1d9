-- The requests that wrk sends: `wrk … -- KIND IDS`. KIND is one of item-bytes, page-bytes (both for the ceiling), get, page, search,
-- create, reprice and mix. IDS is a file of the existing items, one id and version per line. With PEER set, ETags have the peer's
-- format. Works with one thread only.
local ITEMS = "/api/v1/items"
local JSON = { ["Content-Type"] = "application/json" }
local kind, counter = "get", 0
local ids, idle, first, last = {}, {}, 1, 0

function init(args)
  kind = args[1]
  for name, value in pairs(wrk.headers) do -- those of the command line, such as credentials
    JSON[name] = value
  end
  math.randomseed(os.time())
  if args[2] then
    for line in io.lines(args[2]) do
      local id, version = line:match("(%S+) (%S+)")
      ids[#ids + 1] = id
      idle[#ids] = { id = id, etag = tag(id, version) }
    end
    last = #ids
  end
  if kind == "reprice" then
    response = on_response
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

-- Catalog's ETag contains the id and the version, the peer's only the version.
function tag(id, version)
  if os.getenv("PEER") then
    return '"' .. version .. '"'
  end
  return '"' .. id:gsub("-", "") .. "." .. version .. '"'
end

-- Each item is repriced by one request at a time, on the version of its last response.
function on_response(status, _, body)
  if status == 200 then
    local id = body:match('"id":"([^"]+)"')
    last = last + 1
    idle[last] = { id = id, etag = tag(id, body:match('"version":(%d+)')) }
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
    local item = idle[first]
    idle[first] = nil
    first = first + 1
    local headers = { ["If-Match"] = item.etag }
    for name, value in pairs(JSON) do
      headers[name] = value
    end
    return wrk.format("PATCH", ITEMS .. "/" .. item.id .. "/price", headers, price())
  end
  -- The mix: of 100 requests, 76 read an item, 19 read the first page and 5 change a price.
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
