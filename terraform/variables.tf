# All variables in one file, as Terraform's style guide requires. Each has a description and rejects invalid values.

# Place -------------------------------------------------------------------------------------------------------------

variable "subscription_id" {
  description = "Subscription in which all resources are created."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id))
    error_message = "subscription_id must be a GUID in lower case, as `az account show --query id` prints it."
  }
}

variable "resource_provider_registration_enabled" {
  description = "Register the resource providers of the subscription. Needed once. Set false if the identity that applies has rights on the resource group only."
  type        = bool
  default     = true
  nullable    = false
}

variable "location" {
  description = "Azure region, short form, for example swedencentral. The region must offer Flex Consumption, and PostgreSQL for your subscription (docs/deployment.md, the region)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.location))
    error_message = "location must be the short form of a region, for example swedencentral."
  }
}

variable "name" {
  description = "Name of the workload; part of every resource name."
  type        = string
  default     = "footfall"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,9}$", var.name))
    error_message = "name must be 2 to 10 lower-case letters and digits and begin with a letter."
  }
}

variable "environment" {
  description = "Name of this deployment of the workload, for example prod; part of every resource name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,5}$", var.environment))
    error_message = "environment must be 2 to 6 lower-case letters and digits and begin with a letter."
  }
}

variable "tags" {
  description = "Tags of every resource, in addition to workload and environment."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 40 && alltrue([for key, value in var.tags : length(key) <= 128 && length(value) <= 256])
    error_message = "tags may have up to 40 entries, with keys of up to 128 and values of up to 256 characters (the limits of the storage account)."
  }
}

variable "deletion_protection_enabled" {
  description = "Put a CanNotDelete lock on the database server and on the storage account. Apply with false before a teardown."
  type        = bool
  default     = true
  nullable    = false
}

variable "resource_group_lock_enabled" {
  description = "Put a CanNotDelete lock on the whole resource group as well. While it is set, terraform cannot replace any resource."
  type        = bool
  default     = false
  nullable    = false
}

# Network -----------------------------------------------------------------------------------------------------------

variable "network_address_space" {
  description = "Private IPv4 block of the virtual network. A /22 holds a /24 for functions and two /26 for endpoints and jobs."
  type        = string
  default     = "10.60.0.0/22"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.network_address_space)) && try(tonumber(split("/", var.network_address_space)[1]) <= 22, false)
    error_message = "network_address_space must be an IPv4 block of /22 or larger, for example 10.60.0.0/22."
  }

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.network_address_space))
    error_message = "network_address_space must be a private block (RFC 1918)."
  }
}

variable "additional_app_addresses" {
  description = "Additional addresses from which the platform reaches the private endpoints, if it uses any outside the functions subnet (docs/deployment.md, when something does not work)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.additional_app_addresses) <= 50 && alltrue([for address in var.additional_app_addresses : can(regex("^[0-9]+(\\.[0-9]+){3}(/(2[4-9]|3[0-2]))?$", address))])
    error_message = "additional_app_addresses must be at most 50 IPv4 addresses or blocks of /24 or smaller."
  }
}

variable "storage_private_endpoint_enabled" {
  description = "Make the storage account reachable through a private endpoint only. If false, the account has a public address, without keys and without anonymous access."
  type        = bool
  default     = true
  nullable    = false
}

# Database ----------------------------------------------------------------------------------------------------------

variable "database_server_suffix" {
  description = "Suffix of the server's name after a restore, which always creates a new server (docs/runbook.md, disaster recovery). Empty for the first server."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9]{1,4})?$", var.database_server_suffix))
    error_message = "database_server_suffix must be up to four lower-case letters and digits, for example r1."
  }
}

variable "database_sku_name" {
  description = "Compute size of the PostgreSQL server. Its user connections (locals.tf) limit maximum_instance_count."
  type        = string
  default     = "B_Standard_B1ms"
  nullable    = false

  validation {
    condition     = contains(keys(local.database_user_connections_by_sku), var.database_sku_name)
    error_message = "database_sku_name ${var.database_sku_name} is not in the table of user connections in locals.tf. Known: ${join(", ", keys(local.database_user_connections_by_sku))}."
  }
}

variable "database_cluster_size" {
  description = "Number of nodes of an elastic cluster, which distributes the sets of visitors (docs/scaling.md). Null: one server, which is nearly always enough. An existing server cannot become a cluster: set database_server_suffix, too."
  type        = number
  default     = null

  validation {
    condition     = var.database_cluster_size == null ? true : var.database_cluster_size >= 2 && var.database_cluster_size <= 20 && floor(var.database_cluster_size) == var.database_cluster_size
    error_message = "database_cluster_size must be null or a whole number from 2 to 20."
  }
}

variable "database_storage_in_mb" {
  description = "Initial storage. Storage grows by itself later, or by az postgres flexible-server update --storage-size; a later change here has no effect."
  type        = number
  default     = 32768
  nullable    = false

  validation {
    condition     = contains([32768, 65536, 131072, 262144, 524288, 1048576, 2097152, 4193280, 4194304, 8388608, 16777216, 33553408], var.database_storage_in_mb)
    error_message = "database_storage_in_mb must be one of 32768, 65536, 131072, 262144, 524288, 1048576, 2097152, 4193280, 4194304, 8388608, 16777216, 33553408."
  }
}

variable "database_backup_retention_in_days" {
  description = "Number of days for which the database can be restored to any second."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.database_backup_retention_in_days >= 7 && var.database_backup_retention_in_days <= 35 && floor(var.database_backup_retention_in_days) == var.database_backup_retention_in_days
    error_message = "database_backup_retention_in_days must be a whole number from 7 to 35."
  }
}

variable "database_geo_redundant_backup_enabled" {
  description = "Copy backups to the paired region. Changing it replaces the server, so decide before the first apply."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_high_availability_mode" {
  description = "Disabled, SameZone or ZoneRedundant: a standby that takes over in one to two minutes. Not on Burstable sizes."
  type        = string
  default     = "Disabled"
  nullable    = false

  validation {
    condition     = contains(["Disabled", "SameZone", "ZoneRedundant"], var.database_high_availability_mode)
    error_message = "database_high_availability_mode must be Disabled, SameZone or ZoneRedundant."
  }

  validation {
    condition     = var.database_high_availability_mode != "ZoneRedundant" || var.database_cluster_size == null
    error_message = "Azure documents no zone redundancy of elastic clusters. Set database_high_availability_mode to Disabled or SameZone, or database_cluster_size to null."
  }

  validation {
    condition     = var.database_high_availability_mode == "Disabled" || !startswith(var.database_sku_name, "B_")
    error_message = "High availability does not exist on Burstable sizes; ${var.database_sku_name} is one. Choose a GP_ or MO_ size."
  }
}

variable "database_pooler_enabled" {
  description = "Connect through the server's built-in PgBouncer (port 6432, transaction mode). Not on Burstable sizes."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.database_pooler_enabled || !startswith(var.database_sku_name, "B_")
    error_message = "The built-in PgBouncer does not exist on Burstable sizes; ${var.database_sku_name} is one. Choose a GP_ or MO_ size."
  }
}

variable "database_connection_reserve" {
  description = "User connections kept free for the role bootstrap, migrations, people, and old instances that overlap new ones."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.database_connection_reserve >= 5 && floor(var.database_connection_reserve) == var.database_connection_reserve
    error_message = "database_connection_reserve must be a whole number of 5 or more."
  }
}

variable "database_maintenance_window" {
  description = "Time in UTC at which Azure may restart the server for its monthly maintenance. day_of_week 0 is Sunday."
  type = object({
    day_of_week = number
    start_hour  = number
  })
  default  = { day_of_week = 0, start_hour = 3 }
  nullable = false

  validation {
    condition     = contains(range(0, 7), var.database_maintenance_window.day_of_week) && contains(range(0, 24), var.database_maintenance_window.start_hour)
    error_message = "database_maintenance_window needs a day_of_week from 0 to 6 and a start_hour from 0 to 23."
  }
}

variable "database_administrators" {
  description = "People or groups that are Entra administrators of the server in addition to the bootstrap identity, by principal name. They also need access to the network."
  type = map(object({
    object_id = string
    type      = string
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([for administrator in values(var.database_administrators) :
      contains(["User", "Group"], administrator.type) && can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", administrator.object_id))
    ])
    error_message = "Each of database_administrators needs type User or Group and the object id (a GUID in lower case)."
  }
}

variable "database_bootstrap_enabled" {
  description = "Keep the job that creates the database role. After the job has succeeded, false saves the standing cost of its environment."
  type        = bool
  default     = true
  nullable    = false
}

variable "database_bootstrap_image" {
  description = "Container image with sh, psql 17 and busybox wget for the bootstrap job, by digest, because the job runs as an administrator of the database. Required while database_bootstrap_enabled; scripts/pin-images prints it."
  type        = string
  default     = null

  validation {
    condition     = var.database_bootstrap_image == null ? !var.database_bootstrap_enabled : can(regex("^[a-z0-9.-]+\\.[a-z]+/[a-z0-9._/-]+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64}$", var.database_bootstrap_image))
    error_message = "database_bootstrap_image must name a registry, a repository and a digest; this command prints a valid value: scripts/pin-images docker.io/library/postgres:17-alpine"
  }
}

# Function app ------------------------------------------------------------------------------------------------------

variable "instance_memory_in_mb" {
  description = "Memory of an instance. The share of the processor is proportional to it."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = contains([512, 2048, 4096], var.instance_memory_in_mb)
    error_message = "instance_memory_in_mb must be 512, 2048 or 4096."
  }
}

variable "maximum_instance_count" {
  description = "Number of instances that the platform may start for visitors. Each holds up to three database connections, and so does the timer's instance."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.maximum_instance_count >= 1 && var.maximum_instance_count <= 1000 && floor(var.maximum_instance_count) == var.maximum_instance_count
    error_message = "maximum_instance_count must be a whole number from 1 to 1000."
  }

  validation {
    condition = local.connections_per_instance * (var.maximum_instance_count + local.timer_instances) < local.connections_available
    error_message = join(" ", [
      "(${var.maximum_instance_count} + ${local.timer_instances} for the timer) instances × ${local.connections_per_instance} connections = ${local.connections_per_instance * (var.maximum_instance_count + local.timer_instances)},",
      "which must stay below ${local.connections_available}",
      "(${local.connections_limit} ${local.connections_limit_name} − ${var.database_connection_reserve} in reserve).",
      "Lower maximum_instance_count to ${max(0, ceil(local.connections_available / local.connections_per_instance) - 1 - local.timer_instances)} or less, choose a larger database_sku_name, or set database_pooler_enabled on a GP_ or MO_ size.",
    ])
  }
}

variable "http_concurrency" {
  description = "Concurrent requests of an instance before the platform adds another instance. The handler is idle while it waits for a commit, so the default is high."
  type        = number
  default     = 200
  nullable    = false

  validation {
    condition     = var.http_concurrency >= 1 && var.http_concurrency <= 1000 && floor(var.http_concurrency) == var.http_concurrency
    error_message = "http_concurrency must be a whole number from 1 to 1000."
  }
}

variable "always_ready_instance_count" {
  description = "Instances that always run, so that visitors do not wait for a cold start. Idle instances cost money."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.always_ready_instance_count >= 0 && floor(var.always_ready_instance_count) == var.always_ready_instance_count && var.always_ready_instance_count <= var.maximum_instance_count
    error_message = "always_ready_instance_count must be a whole number from 0 to maximum_instance_count (${var.maximum_instance_count})."
  }
}

variable "zone_redundancy_enabled" {
  description = "Spread instances and stored packages over availability zones, in regions that az functionapp list-flexconsumption-locations --zone-redundant=true lists. Needs two always-ready instances or more. A change replaces plan and app."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.zone_redundancy_enabled || var.always_ready_instance_count >= 2
    error_message = "zone_redundancy_enabled needs always_ready_instance_count of 2 or more; it is ${var.always_ready_instance_count}."
  }
}

variable "sites" {
  description = "Host names that are counted in addition to the function app's own page (FOOTFALL_SITES)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for site in var.sites : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", site))])
    error_message = "sites must be host names in lower case without scheme, port or path, for example www.example.com."
  }
}

variable "subdomains_enabled" {
  description = "Whether pages of a site's subdomains count for the site (FOOTFALL_SUBDOMAINS)."
  type        = bool
  default     = false
  nullable    = false
}

variable "events" {
  description = "Names of events that always have a place in their list (FOOTFALL_EVENTS)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for event in var.events : trimspace(event) == event && event != "" && length(event) <= 64 && !strcontains(event, ",")])
    error_message = "events must be names of 1 to 64 characters, without a comma and without spaces at the ends, for example signup."
  }
}

variable "embedding_origins" {
  description = "Origins whose pages may show the numbers in a frame (FOOTFALL_EMBED)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.embedding_origins : can(regex("^https?://[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[1-9][0-9]*)?$", origin))])
    error_message = "embedding_origins must be origins in lower case: scheme, host and port, without a path, for example https://www.example.com."
  }
}

variable "public_sites" {
  description = "Sites whose statistics stay public although a dashboard token is set (FOOTFALL_PUBLIC_SITES)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.public_sites, var.sites)) == 0
    error_message = "public_sites must be in sites; these are not: ${join(", ", setsubtract(var.public_sites, var.sites))}."
  }
}

variable "revoked_links" {
  description = "Names of shared links that no longer give access (FOOTFALL_REVOKED_LINKS)."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.revoked_links : can(regex("^[A-Za-z0-9-]+$", name))])
    error_message = "revoked_links must be names of letters, digits and hyphens, as in handler share --name."
  }
}

variable "time_zone" {
  description = "IANA name of the time zone in which days, weeks and months begin (FOOTFALL_TIMEZONE)."
  type        = string
  default     = "UTC"
  nullable    = false

  validation {
    condition     = can(regex("^(UTC|[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2})$", var.time_zone))
    error_message = "time_zone must be UTC or an IANA name, for example Europe/Zurich."
  }
}

variable "forget" {
  description = "How long visitors are recognised (FOOTFALL_FORGET): monthly, until the end of the following month, or daily. The value can't change after the first visit."
  type        = string
  default     = "monthly"
  nullable    = false

  validation {
    condition     = contains(["monthly", "daily"], var.forget)
    error_message = "forget must be monthly or daily."
  }
}

variable "all_time_enabled" {
  description = "Whether an estimate of all-time visitors is stored (FOOTFALL_ALL_TIME)."
  type        = bool
  default     = true
  nullable    = false
}

variable "retention_days" {
  description = "Days for which statistics are stored (FOOTFALL_RETENTION_DAYS). Null means no limit."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null ? true : var.retention_days >= 1 && var.retention_days <= 36500 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days must be a whole number from 1 to 36500, or null."
  }
}

variable "log_level" {
  description = "Level of the handler's log (FOOTFALL_LOG)."
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = contains(["error", "warn", "info", "debug"], var.log_level)
    error_message = "log_level must be error, warn, info or debug. Alerts and workbook need info."
  }
}

variable "dashboard_token_secret" {
  description = "Token that makes statistics private: the resource id of an existing Key Vault in RBAC mode, and the name of the secret. Null leaves statistics public. Terraform never reads the value."
  type = object({
    key_vault_id = string
    name         = string
  })
  default = null

  validation {
    condition = var.dashboard_token_secret == null ? true : (
      can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.KeyVault/vaults/[A-Za-z0-9-]{3,24}$", var.dashboard_token_secret.key_vault_id)) &&
      can(regex("^[A-Za-z0-9-]{1,127}$", var.dashboard_token_secret.name))
    )
    error_message = "dashboard_token_secret needs the resource id of a key vault and the name of a secret (letters, digits, hyphens)."
  }
}

variable "webhook_secret" {
  description = "Address for notices (FOOTFALL_WEBHOOK): the resource id of an existing Key Vault in RBAC mode, and the name of the secret. The app may then connect to any address over HTTPS. Null sends no notices. Terraform never reads the value."
  type = object({
    key_vault_id = string
    name         = string
  })
  default = null

  validation {
    condition = var.webhook_secret == null ? true : (
      can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.KeyVault/vaults/[A-Za-z0-9-]{3,24}$", var.webhook_secret.key_vault_id)) &&
      can(regex("^[A-Za-z0-9-]{1,127}$", var.webhook_secret.name))
    )
    error_message = "webhook_secret needs the resource id of a key vault and the name of a secret (letters, digits, hyphens)."
  }
}

variable "webhook_format" {
  description = "Form of notices: json (Slack and others), teams or text (ntfy) (FOOTFALL_WEBHOOK_FORMAT)."
  type        = string
  default     = "json"
  nullable    = false

  validation {
    condition     = contains(["json", "teams", "text"], var.webhook_format)
    error_message = "webhook_format must be json, teams or text."
  }
}

variable "trusted_proxies" {
  description = "Number of proxies in front of the handler that append to X-Forwarded-For (FOOTFALL_TRUSTED_PROXIES). Null means 1, the platform, or 2 with Front Door. Set 2 for a proxy of your own, and list it in allowed_addresses."
  type        = number
  default     = null

  validation {
    condition     = var.trusted_proxies == null ? true : var.trusted_proxies >= (local.front_door_locked ? 2 : 1) && var.trusted_proxies <= 10 && floor(var.trusted_proxies) == var.trusted_proxies
    error_message = "trusted_proxies must be a whole number from 1, or from 2 with Front Door, to 10."
  }

  validation {
    condition     = var.trusted_proxies == null || local.front_door_locked ? true : var.trusted_proxies == 1 || length(var.allowed_addresses) > 0
    error_message = "trusted_proxies above 1 needs allowed_addresses: a client that reaches the app without the proxy could send any address."
  }
}

variable "allowed_addresses" {
  description = "Addresses or blocks that may reach the app, such as those of your own proxy; the app refuses all others. Empty means everybody, or Front Door only with front_door_enabled."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(distinct(var.allowed_addresses)) == length(var.allowed_addresses) && length(var.allowed_addresses) <= 100 && alltrue([for block in var.allowed_addresses : can(cidrhost(block, 0)) && cidrhost(block, 0) == split("/", block)[0] && !endswith(block, "/0")])
    error_message = "allowed_addresses must be at most 100 different blocks in CIDR form, for example 203.0.113.7/32 or 2001:db8::/48, and not everybody (/0)."
  }

  validation {
    condition     = length(var.allowed_addresses) == 0 || !var.front_door_enabled
    error_message = "allowed_addresses cannot be combined with front_door_enabled, because a client that bypasses Front Door could send any address."
  }

  validation {
    condition     = length(var.allowed_addresses) == 0 || var.public_url != null
    error_message = "allowed_addresses needs public_url: the availability tests can reach the app through your proxy only."
  }
}

variable "custom_domain" {
  description = "Host name of your own for page and script, for example stats.example.com. Front Door, or else the app, serves it with a managed certificate. Create the DNS records of the output custom_domain_records first. Choose the name before you embed a line, because later pages keep the old one."
  type        = string
  default     = null

  validation {
    condition     = var.custom_domain == null ? true : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", var.custom_domain))
    error_message = "custom_domain must be a host name in lower case, for example stats.example.com."
  }

  validation {
    condition     = var.custom_domain == null || var.public_url == null
    error_message = "Set custom_domain or public_url, not both: one is the address of the app, the other of your own proxy."
  }
}

variable "public_url" {
  description = "Address of your own proxy in front of the app, for example https://stats.example.com or https://www.example.com/f. Availability tests and the output url use it. Null without such a proxy."
  type        = string
  default     = null

  validation {
    condition     = var.public_url == null ? true : can(regex("^https://[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+(/[A-Za-z0-9._~-]+)*$", var.public_url))
    error_message = "public_url must be https, a host in lower case and perhaps a path, without a slash at the end."
  }
}

variable "rate_limit" {
  description = "Views per minute that count from one network, or off (FOOTFALL_RATE_LIMIT). Null means the handler's default."
  type        = string
  default     = null

  validation {
    condition     = var.rate_limit == null ? true : can(regex("^(off|[1-9][0-9]{0,5}|1000000)$", var.rate_limit))
    error_message = "rate_limit must be a whole number from 1 to 1000000, off, or null."
  }
}

variable "smallest_group" {
  description = "Visitors of 28 days that must share a combination of country, language, device, operating system, browser and channel, so that filters distinguish it after the day, or off (FOOTFALL_SMALLEST_GROUP). Null means the handler's default."
  type        = string
  default     = null

  validation {
    condition     = var.smallest_group == null ? true : can(regex("^(off|[5-9]|[1-9][0-9]{1,2}|1000)$", var.smallest_group))
    error_message = "smallest_group must be a whole number from 5 to 1000, off, or null."
  }
}

variable "client_connections" {
  description = "Connections that clients may have open to one instance (FOOTFALL_CONNECTIONS). The Functions host is the only client, so the handler's default (null) is enough."
  type        = number
  default     = null

  validation {
    condition     = var.client_connections == null ? true : var.client_connections >= 1 && var.client_connections <= 1000000 && floor(var.client_connections) == var.client_connections
    error_message = "client_connections must be a whole number from 1 to 1000000, or null."
  }
}

variable "script_name" {
  description = "Second name of footfall.js, such as hello.js, if ad blockers list the first (FOOTFALL_SCRIPT). Also change route in function-script/function.json."
  type        = string
  default     = null

  validation {
    condition     = var.script_name == null ? true : can(regex("^[A-Za-z0-9_.-]+$", var.script_name))
    error_message = "script_name must have only letters, digits, '-', '_' and '.', or be null."
  }
}

variable "endpoint_name" {
  description = "Second name of the path /v, such as hello, if ad blockers list the first (FOOTFALL_ENDPOINT). Also change route in function-visit/function.json."
  type        = string
  default     = null

  validation {
    condition     = var.endpoint_name == null ? true : can(regex("^[A-Za-z0-9_.-]+$", var.endpoint_name))
    error_message = "endpoint_name must have only letters, digits, '-', '_' and '.', or be null."
  }
}

variable "dashboard_token_reference_enabled" {
  description = "Pass the references to dashboard_token_secret and webhook_secret to the app. Apply with false first: then the identity and its roles exist before the references, so that Azure can resolve them at once. Until they are resolved, visits count, statistics respond 503, and no notice is sent."
  type        = bool
  default     = true
  nullable    = false
}

variable "additional_settings" {
  description = "Settings of the handler that have no variable here, such as { FOOTFALL_LOG_FORMAT = \"json\" } (docs/configuration.md)."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.additional_settings) : can(regex("^FOOTFALL_[A-Z_]+$", name))])
    error_message = "additional_settings may only have names that begin with FOOTFALL_."
  }

  validation {
    condition     = length(setintersection(keys(var.additional_settings), local.settings_with_variables)) == 0
    error_message = "additional_settings must not have a setting that has a variable: ${join(", ", setintersection(keys(var.additional_settings), local.settings_with_variables))}."
  }
}

# Front Door --------------------------------------------------------------------------------------------------------

variable "front_door_enabled" {
  description = "Put Azure Front Door with a web application firewall in front of the function app, and refuse all other access to the app (front_door_lock_enabled)."
  type        = bool
  default     = false
  nullable    = false
}

variable "front_door_lock_enabled" {
  description = "Refuse all access to the app that does not come through Front Door. Set false while pages still name the app's own host, and true once they name Front Door's. Until then the app trusts one proxy, so visitors through Front Door have Front Door's addresses."
  type        = bool
  default     = true
  nullable    = false
}

variable "front_door_sku_name" {
  description = "Standard_AzureFrontDoor has rate limiting and custom rules; Premium_AzureFrontDoor adds Microsoft's managed rules."
  type        = string
  default     = "Standard_AzureFrontDoor"
  nullable    = false

  validation {
    condition     = contains(["Standard_AzureFrontDoor", "Premium_AzureFrontDoor"], var.front_door_sku_name)
    error_message = "front_door_sku_name must be Standard_AzureFrontDoor or Premium_AzureFrontDoor."
  }
}

variable "front_door_requests_per_minute" {
  description = "Requests per minute from one client address before the firewall blocks it. Many people can share one address."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.front_door_requests_per_minute >= 100 && floor(var.front_door_requests_per_minute) == var.front_door_requests_per_minute
    error_message = "front_door_requests_per_minute must be a whole number of 100 or more."
  }
}

# Monitoring --------------------------------------------------------------------------------------------------------

variable "alert_emails" {
  description = "Recipients of alerts and budget notices. If empty, alerts are in the portal only."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(distinct(var.alert_emails)) == length(var.alert_emails) && alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "alert_emails must be e-mail addresses, each once."
  }
}

variable "log_retention_in_days" {
  description = "Days for which logs and telemetry are stored. The price of ingestion includes 30 days."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.log_retention_in_days >= 30 && var.log_retention_in_days <= 730
    error_message = "log_retention_in_days must be from 30 to 730."
  }
}

variable "log_daily_cap_in_gb" {
  description = "Amount per day at which ingestion stops, so that a flood does not raise the cost. Alerts that are queries do not fire for the rest of the day."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.log_daily_cap_in_gb >= 0.1 && var.log_daily_cap_in_gb <= 100
    error_message = "log_daily_cap_in_gb must be from 0.1 to 100."
  }
}

variable "availability_test_frequency_in_seconds" {
  description = "Seconds between two calls of /health/live and /version from each location. Every call is billed."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = contains([300, 600, 900], var.availability_test_frequency_in_seconds)
    error_message = "availability_test_frequency_in_seconds must be 300, 600 or 900."
  }
}

variable "availability_test_locations" {
  description = "Locations of the availability tests (population tags). Two that fail at the same time raise the alert."
  type        = list(string)
  default     = ["emea-nl-ams-azr", "emea-gb-db3-azr", "us-va-ash-azr"]
  nullable    = false

  validation {
    condition     = length(distinct(var.availability_test_locations)) == length(var.availability_test_locations) && length(var.availability_test_locations) >= 2 && alltrue([for tag in var.availability_test_locations : can(regex("^[a-z]+-[a-z]+-[a-z0-9]+-(azr|edge)$", tag))])
    error_message = "availability_test_locations must be two or more different population tags, for example emea-nl-ams-azr."
  }
}

variable "query_alert_frequency_in_minutes" {
  description = "Minutes between two evaluations of the alerts that are queries. A longer time makes each rule cheaper."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = contains([5, 10, 15], var.query_alert_frequency_in_minutes)
    error_message = "query_alert_frequency_in_minutes must be 5, 10 or 15."
  }
}

variable "latency_alert_in_ms" {
  description = "95th percentile of requests above which the latency alert fires."
  type        = number
  default     = 1000
  nullable    = false

  validation {
    condition     = var.latency_alert_in_ms >= 50 && var.latency_alert_in_ms <= 60000
    error_message = "latency_alert_in_ms must be from 50 to 60000."
  }
}

variable "server_error_alert_percentage" {
  description = "Share of requests with 5xx above which the error alert fires."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.server_error_alert_percentage > 0 && var.server_error_alert_percentage <= 100
    error_message = "server_error_alert_percentage must be above 0 and at most 100."
  }
}

variable "usual_pageviews_per_hour" {
  description = "The silence alert fires if an hour has no pageview although the same hour yesterday had at least this number. Null switches the alert off."
  type        = number
  default     = 20

  validation {
    condition     = var.usual_pageviews_per_hour == null ? true : var.usual_pageviews_per_hour >= 1
    error_message = "usual_pageviews_per_hour must be 1 or more, or null."
  }
}

variable "monthly_budget" {
  description = "Monthly budget of the resource group, in the currency of the subscription. Notices are sent at 80 % and 100 % spent and at 100 % forecast. The budget stops nothing."
  type        = number
  nullable    = false

  validation {
    condition     = var.monthly_budget >= 1
    error_message = "monthly_budget must be 1 or more."
  }
}

# Delivery ----------------------------------------------------------------------------------------------------------

variable "github_repository" {
  description = "Repository whose workflows may deploy, as owner/name. Null creates no identity for GitHub."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null ? true : can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$", var.github_repository))
    error_message = "github_repository must be owner/name, without wildcards, or null."
  }
}

variable "github_subject_prefix" {
  description = "Name of the repository in GitHub's tokens, as `gh api repos/OWNER/NAME/actions/oidc/customization/sub --jq .sub_claim_prefix` prints it: repo:OWNER@ID/NAME@ID, or repo:OWNER/NAME. Null means the latter, the form of repositories created before 15 July 2026."
  type        = string
  default     = null

  validation {
    condition     = var.github_subject_prefix == null ? true : can(regex("^repo:[A-Za-z0-9][A-Za-z0-9-]{0,38}(@[0-9]{1,20}/[A-Za-z0-9._-]{1,100}@[0-9]{1,20}|/[A-Za-z0-9._-]{1,100})$", var.github_subject_prefix))
    error_message = "github_subject_prefix must be repo:OWNER@ID/NAME@ID or repo:OWNER/NAME, without wildcards, or null."
  }

  validation {
    condition     = var.github_subject_prefix == null ? true : replace(var.github_subject_prefix, "/@[0-9]+/", "") == "repo:${coalesce(var.github_repository, "-")}"
    error_message = "github_subject_prefix must name the same repository as github_repository."
  }
}

variable "github_environment" {
  description = "GitHub environment whose jobs may sign in. Protect the environment with required reviewers, because it is the only gate."
  type        = string
  default     = "production"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,255}$", var.github_environment))
    error_message = "github_environment must be one environment's name without spaces, slashes or wildcards."
  }
}

variable "github_may_start_bootstrap" {
  description = "Let the GitHub identity start the bootstrap job. The caller of a job chooses its image and command, so this makes the pipeline an administrator of the database. If false, a person starts the job once for each server."
  type        = bool
  default     = false
  nullable    = false
}

variable "github_may_apply" {
  description = "Let the GitHub identity run terraform apply on this resource group, which includes starting the bootstrap job. If false, it can only publish packages."
  type        = bool
  default     = false
  nullable    = false
}

variable "state_container_id" {
  description = "Resource id of the blob container with the Terraform state; needed with github_may_apply."
  type        = string
  default     = null

  validation {
    condition     = var.state_container_id == null ? true : can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.Storage/storageAccounts/[a-z0-9]{3,24}/blobServices/default/containers/[a-z0-9-]{3,63}$", var.state_container_id))
    error_message = "state_container_id must be the resource id of a blob container (…/blobServices/default/containers/<name>) or null."
  }

  validation {
    condition     = !var.github_may_apply || var.state_container_id != null
    error_message = "github_may_apply needs state_container_id, because terraform apply reads and writes the state."
  }
}
