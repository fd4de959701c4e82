# With Front Door, the app refuses all other access. Without it, the deployment has no part of Front Door.

mock_provider "azurerm" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  subscription_id = "11111111-2222-3333-4444-555555555555"
  location        = "swedencentral"
  environment     = "test"
  monthly_budget  = 100

  database_bootstrap_image = "docker.io/library/postgres:17-alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "without_it" {
  command = plan

  assert {
    condition     = length(azurerm_cdn_frontdoor_profile.this) == 0 && length(azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction) == 0 && azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction_default_action == "Allow"
    error_message = "Without Front Door the app must be public."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_TRUSTED_PROXIES"] == "1" && !contains(keys(azurerm_function_app_flex_consumption.this.app_settings), "FOOTFALL_PUBLIC_URL") && output.url == "https://func-mock.azurewebsites.net"
    error_message = "Without Front Door there must be one proxy, and the app's own name."
  }
}

run "the_origin_is_locked_to_this_front_door" {
  command = plan

  variables {
    front_door_enabled = true
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction_default_action == "Deny"
    error_message = "The app must deny all access that no rule allows."
  }

  assert {
    condition     = length(azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction) == 1 && azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction[0].service_tag == "AzureFrontDoor.Backend" && azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction[0].action == "Allow"
    error_message = "Only Front Door may reach the app."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction[0].headers[0].x_azure_fdid == tolist(["fdfdfdfd-0000-0000-0000-000000000001"])
    error_message = "Only this Front Door may reach the app, because every Azure customer can create one."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_TRUSTED_PROXIES"] == "2"
    error_message = "With Front Door there must be two proxies."
  }

  assert {
    condition     = output.url == "https://mock-abc.z01.azurefd.net" && alltrue([for test in azurerm_application_insights_standard_web_test.this : startswith(one(test.request).url, "https://mock-abc.z01.azurefd.net/")])
    error_message = "Visitors and availability tests must use Front Door."
  }
}

run "the_page_names_front_door" {
  command = plan

  variables {
    front_door_enabled = true
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_PUBLIC_URL"] == "https://mock-abc.z01.azurefd.net"
    error_message = "Embed lines and links must name Front Door, because the app itself refuses requests."
  }
}

run "front_door_later_is_first_an_endpoint" {
  command = plan

  variables {
    front_door_enabled      = true
    front_door_lock_enabled = false
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction_default_action == "Allow" && length(azurerm_function_app_flex_consumption.this.site_config[0].ip_restriction) == 0 && azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_PUBLIC_URL"] == "https://mock-abc.z01.azurefd.net"
    error_message = "Without the lock, pages with the old name must still count, and new lines must name Front Door."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_TRUSTED_PROXIES"] == "1"
    error_message = "Two proxies may be trusted with the lock only, or a client could send any address."
  }
}

run "a_custom_domain_of_front_door" {
  command = plan

  variables {
    front_door_enabled = true
    custom_domain      = "stats.example.com"
  }

  assert {
    condition     = azurerm_cdn_frontdoor_custom_domain.this[0].host_name == "stats.example.com" && one(azurerm_cdn_frontdoor_custom_domain.this[0].tls).certificate_type == "ManagedCertificate" && azurerm_cdn_frontdoor_route.this[0].cdn_frontdoor_custom_domain_ids == toset([azurerm_cdn_frontdoor_custom_domain.this[0].id])
    error_message = "Front Door must serve the custom domain with a managed certificate."
  }

  assert {
    condition     = length(azurerm_cdn_frontdoor_security_policy.this[0].security_policies[0].firewall[0].association[0].domain) == 2
    error_message = "The firewall must cover the custom domain."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_PUBLIC_URL"] == "https://stats.example.com" && output.url == "https://stats.example.com" && length(azurerm_app_service_custom_hostname_binding.this) == 0
    error_message = "The page, links and tests must use the custom domain."
  }
}

run "a_custom_domain_of_the_app" {
  command = plan

  variables {
    custom_domain = "stats.example.com"
  }

  assert {
    condition     = azurerm_app_service_custom_hostname_binding.this[0].hostname == "stats.example.com" && azurerm_app_service_certificate_binding.this[0].ssl_state == "SniEnabled" && length(azurerm_app_service_managed_certificate.this) == 1
    error_message = "The app must serve the custom domain with a managed certificate."
  }

  assert {
    condition     = azurerm_function_app_flex_consumption.this.app_settings["FOOTFALL_PUBLIC_URL"] == "https://stats.example.com" && output.url == "https://stats.example.com" && output.custom_domain_records["stats.example.com"].value == "func-mock.azurewebsites.net"
    error_message = "The page, links and tests must use the custom domain."
  }
}

run "the_firewall_is_on_and_keeps_no_addresses" {
  command = plan

  variables {
    front_door_enabled = true
  }

  assert {
    condition     = azurerm_cdn_frontdoor_firewall_policy.this[0].mode == "Prevention" && contains([for rule in azurerm_cdn_frontdoor_firewall_policy.this[0].custom_rule : "${rule.type} ${rule.action}"], "RateLimitRule Block")
    error_message = "The firewall must be in prevention mode, and limit the rate."
  }

  assert {
    condition     = one(azurerm_cdn_frontdoor_security_policy.this[0].security_policies[0].firewall[0].association).patterns_to_match == tolist(["/*"])
    error_message = "The firewall must cover every path."
  }

  assert {
    condition     = azurerm_cdn_frontdoor_route.this[0].https_redirect_enabled && azurerm_cdn_frontdoor_route.this[0].forwarding_protocol == "HttpsOnly" && length(azurerm_cdn_frontdoor_route.this[0].cache) == 0 && azurerm_cdn_frontdoor_origin.this[0].certificate_name_check_enabled
    error_message = "Front Door must use HTTPS on both sides, check the certificate, and cache nothing."
  }

  assert {
    condition     = contains([for rule in azurerm_cdn_frontdoor_profile.this[0].log_scrubbing_rule : rule.match_variable], "RequestIPAddress") && azurerm_cdn_frontdoor_firewall_policy.this[0].log_scrubbing[0].enabled
    error_message = "Addresses of visitors must not reach Front Door's logs."
  }

  assert {
    condition     = [for log in azurerm_monitor_diagnostic_setting.front_door[0].enabled_log : log.category] == ["FrontDoorWebApplicationFirewallLog"]
    error_message = "The access log must stay off, because it has a line for every visitor."
  }
}

run "premium_adds_managed_rules" {
  command = plan

  variables {
    front_door_enabled  = true
    front_door_sku_name = "Premium_AzureFrontDoor"
  }

  assert {
    condition     = [for rule in azurerm_cdn_frontdoor_firewall_policy.this[0].managed_rule : rule.type] == ["Microsoft_DefaultRuleSet"]
    error_message = "Premium must have the managed rules."
  }
}
