# Optional (front_door_enabled): Front Door in front of the app, with a firewall and a rate limit. It caches nothing, because
# a cached page would not count its visitors.

resource "azurerm_cdn_frontdoor_profile" "this" {
  count = var.front_door_enabled ? 1 : 0

  name                     = "afd-${local.stem}"
  resource_group_name      = azurerm_resource_group.this.name
  sku_name                 = var.front_door_sku_name
  response_timeout_seconds = 30
  tags                     = local.tags

  # Front Door's logs contain no addresses of visitors.
  log_scrubbing_rule {
    match_variable = "RequestIPAddress"
  }

  log_scrubbing_rule {
    match_variable = "QueryStringArgNames"
  }
}

resource "azurerm_cdn_frontdoor_endpoint" "this" {
  count = var.front_door_enabled ? 1 : 0

  name                     = "${local.stem}-${local.suffix}"
  cdn_frontdoor_profile_id = azurerm_cdn_frontdoor_profile.this[0].id
  tags                     = local.tags
}

# Front Door sends requests to a single origin in any case, and each health probe would be a paid execution.
resource "azurerm_cdn_frontdoor_origin_group" "this" {
  count = var.front_door_enabled ? 1 : 0

  name                     = "functions"
  cdn_frontdoor_profile_id = azurerm_cdn_frontdoor_profile.this[0].id
  session_affinity_enabled = false

  load_balancing {
    sample_size                 = 4
    successful_samples_required = 3
  }
}

resource "azurerm_cdn_frontdoor_origin" "this" {
  count = var.front_door_enabled ? 1 : 0

  name                           = "function-app"
  cdn_frontdoor_origin_group_id  = azurerm_cdn_frontdoor_origin_group.this[0].id
  host_name                      = azurerm_function_app_flex_consumption.this.default_hostname
  origin_host_header             = azurerm_function_app_flex_consumption.this.default_hostname
  certificate_name_check_enabled = true
  enabled                        = true
}

resource "azurerm_cdn_frontdoor_custom_domain" "this" {
  count = var.front_door_enabled && var.custom_domain != null ? 1 : 0

  name                     = replace(var.custom_domain, ".", "-")
  cdn_frontdoor_profile_id = azurerm_cdn_frontdoor_profile.this[0].id
  host_name                = var.custom_domain

  tls {
    certificate_type = "ManagedCertificate"
  }
}

resource "azurerm_cdn_frontdoor_route" "this" {
  count = var.front_door_enabled ? 1 : 0

  name                          = "everything"
  cdn_frontdoor_endpoint_id     = azurerm_cdn_frontdoor_endpoint.this[0].id
  cdn_frontdoor_origin_group_id = azurerm_cdn_frontdoor_origin_group.this[0].id
  cdn_frontdoor_origin_ids      = [azurerm_cdn_frontdoor_origin.this[0].id]

  cdn_frontdoor_custom_domain_ids = azurerm_cdn_frontdoor_custom_domain.this[*].id
  patterns_to_match               = ["/*"]
  supported_protocols             = ["Http", "Https"]
  https_redirect_enabled          = true
  forwarding_protocol             = "HttpsOnly"
  link_to_default_domain          = true
}

resource "azurerm_cdn_frontdoor_firewall_policy" "this" {
  count = var.front_door_enabled ? 1 : 0

  name                       = "waf${var.name}${var.environment}"
  resource_group_name        = azurerm_resource_group.this.name
  sku_name                   = var.front_door_sku_name
  mode                       = "Prevention"
  request_body_check_enabled = true
  tags                       = local.tags

  custom_rule {
    name     = "OnlyMethodsInUse"
    type     = "MatchRule"
    action   = "Block"
    priority = 10

    match_condition {
      match_variable     = "RequestMethod"
      operator           = "Equal"
      negation_condition = true
      match_values       = ["GET", "HEAD", "POST", "OPTIONS"]
    }
  }

  custom_rule {
    name                           = "RateLimitByAddress"
    type                           = "RateLimitRule"
    action                         = "Block"
    priority                       = 20
    rate_limit_duration_in_minutes = 1
    rate_limit_threshold           = var.front_door_requests_per_minute

    match_condition {
      match_variable = "SocketAddr"
      operator       = "IPMatch"
      match_values   = ["0.0.0.0/0", "::/0"]
    }
  }

  dynamic "managed_rule" {
    for_each = var.front_door_sku_name == "Premium_AzureFrontDoor" ? ["2.1"] : []

    content {
      type    = "Microsoft_DefaultRuleSet"
      version = managed_rule.value
      action  = "Block"
    }
  }

  log_scrubbing {
    enabled = true

    scrubbing_rule {
      match_variable = "RequestIPAddress"
      operator       = "EqualsAny"
    }
  }
}

resource "azurerm_cdn_frontdoor_security_policy" "this" {
  count = var.front_door_enabled ? 1 : 0

  name                     = "everything"
  cdn_frontdoor_profile_id = azurerm_cdn_frontdoor_profile.this[0].id

  security_policies {
    firewall {
      cdn_frontdoor_firewall_policy_id = azurerm_cdn_frontdoor_firewall_policy.this[0].id

      association {
        patterns_to_match = ["/*"]

        domain {
          cdn_frontdoor_domain_id = azurerm_cdn_frontdoor_endpoint.this[0].id
        }

        dynamic "domain" {
          for_each = azurerm_cdn_frontdoor_custom_domain.this

          content {
            cdn_frontdoor_domain_id = domain.value.id
          }
        }
      }
    }
  }
}
