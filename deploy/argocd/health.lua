-- How Argo CD is to understand the objects of iggyctl.dev, all kinds alike.
--
-- Only the language itself and no library: Argo CD gives scripts neither `string` nor `math`.

local metadata = obj.metadata or {}
local annotations = metadata.annotations or {}
local status = obj.status or {}

if annotations["iggyctl.dev/pause"] == "true" then
  return { status = "Suspended", message = "Paused by the annotation iggyctl.dev/pause" }
end

-- What is said of an older spec says nothing of this one.
local function is_behind(observed)
  return observed ~= nil and metadata.generation ~= nil and observed < metadata.generation
end

if status.observedGeneration == nil or is_behind(status.observedGeneration) then
  return { status = "Progressing", message = "The operator has not looked at this generation yet" }
end

local found = {}
for _, condition in ipairs(status.conditions or {}) do
  if not is_behind(condition.observedGeneration) then
    found[condition.type] = condition
  end
end

local function is(name, value)
  return found[name] ~= nil and found[name].status == value
end

local function because(name)
  local condition = found[name]
  local reason = condition.reason or name
  if condition.message == nil or condition.message == "" then
    return reason
  end
  return reason .. ": " .. condition.message
end

if is("Stalled", "True") then
  return { status = "Degraded", message = because("Stalled") }
end
if is("Reconciling", "True") then
  return { status = "Progressing", message = because("Reconciling") }
end
if is("Ready", "True") then
  return { status = "Healthy", message = because("Ready") }
end
if is("Ready", "False") then
  return { status = "Degraded", message = because("Ready") }
end
return { status = "Progressing", message = "Nobody knows yet whether it is ready" }
