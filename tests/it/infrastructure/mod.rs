//! The systemd units; and the CloudFormation template and the Terraform module, which do what `setup aws` does: where
//! one of them was carried out, the command has nothing left to do.

mod linters;
mod module;
mod systemd;
mod template;
