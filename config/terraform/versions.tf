terraform {
  # Write-only arguments, which keep the webhook's token out of the state.
  required_version = ">= 1.11"

  required_providers {
    auth0 = {
      source  = "auth0/auth0"
      version = ">= 1.0" # one that knows token_wo: those of 2026 do
    }
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.60"
    }
  }
}
