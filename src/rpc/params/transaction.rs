//! Transaction requests and the overrides of calls.

use super::{Argument, Fields, Slot, Word};
use alloy::{
    consensus::{
        BlobTransactionSidecar, BlobTransactionSidecarEip7594, BlobTransactionSidecarVariant,
    },
    eips::{
        eip2930::{AccessList, AccessListItem},
        eip4844::{BYTES_PER_BLOB, Blob, Bytes48},
        eip7594::CELLS_PER_EXT_BLOB,
        eip7702::{Authorization, SignedAuthorization},
    },
    primitives::{Address, B256, Bytes, TxKind, U256},
    rpc::types::{
        BlockOverrides, TransactionInput, TransactionRequest,
        state::{AccountOverride, StateOverride},
    },
};

/// The most blobs of one request; the fork's own limit is lower.
const MAX_BLOBS: usize = 64;

impl Argument for TransactionRequest {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let input: Option<Bytes> = fields.get(&["input"])?;
        let data: Option<Bytes> = fields.get(&["data"])?;
        if let (Some(input), Some(data)) = (&input, &data)
            && input != data
        {
            return Err(r#"both "data" and "input" are set and not equal, use "input""#.to_owned());
        }
        Ok(Self {
            from: fields.get(&["from"])?,
            to: recipient(&fields)?,
            gas_price: fields.get(&["gasPrice"])?,
            max_fee_per_gas: fields.get(&["maxFeePerGas"])?,
            max_priority_fee_per_gas: fields.get(&["maxPriorityFeePerGas"])?,
            max_fee_per_blob_gas: fields.get(&["maxFeePerBlobGas"])?,
            gas: fields.get(&["gas", "gasLimit"])?,
            value: fields.get(&["value"])?,
            input: TransactionInput {
                input: input.or(data),
                data: None,
            },
            nonce: fields.get(&["nonce"])?,
            chain_id: fields.get(&["chainId"])?,
            access_list: fields.get(&["accessList"])?,
            transaction_type: fields.get(&["type"])?,
            blob_versioned_hashes: fields.get(&["blobVersionedHashes"])?,
            sidecar: sidecar(&fields)?,
            authorization_list: fields.get(&["authorizationList"])?,
        })
    }
}

/// A missing, `null` or empty recipient creates a contract.
fn recipient(fields: &Fields<'_>) -> Result<Option<TxKind>, String> {
    match fields.raw(&["to"]) {
        None => Ok(None),
        Some(r#""""# | r#""0x""#) => Ok(Some(TxKind::Create)),
        Some(_) => Ok(fields.get(&["to"])?.map(TxKind::Call)),
    }
}

impl Argument for AccessListItem {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let keys: Option<Vec<Word>> = fields.get(&["storageKeys"])?;
        Ok(Self {
            address: fields.need("address")?,
            storage_keys: keys
                .unwrap_or_default()
                .into_iter()
                .map(|word| word.0)
                .collect(),
        })
    }
}

impl Argument for AccessList {
    fn read(json: &str) -> Result<Self, String> {
        Vec::read(json).map(Self)
    }
}

impl Argument for SignedAuthorization {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let authorization = Authorization {
            chain_id: fields.need("chainId")?,
            address: fields.need("address")?,
            nonce: fields.need("nonce")?,
        };
        let parity: Option<u8> = fields.get(&["yParity"])?;
        let parity = if let Some(parity) = parity {
            parity
        } else {
            let v: U256 = fields.need("v")?;
            u8::from(v == U256::ONE || v == U256::from(28))
        };
        Ok(Self::new_unchecked(
            authorization,
            parity,
            fields.need("r")?,
            fields.need("s")?,
        ))
    }
}

impl Argument for Bytes48 {
    fn read(json: &str) -> Result<Self, String> {
        let bytes = Bytes::read(json)?;
        Self::try_from(bytes.as_ref()).map_err(|_| format!("{} bytes, want 48", bytes.len()))
    }
}

/// Blobs with what the request gives of commitments and proofs. All of them or none: nothing is computed here.
fn sidecar(fields: &Fields<'_>) -> Result<Option<BlobTransactionSidecarVariant>, String> {
    let Some(blobs) = fields.get::<Vec<Bytes>>(&["blobs"])? else {
        return Ok(None);
    };
    if blobs.len() > MAX_BLOBS {
        return Err(format!(
            "blobs: {} given, at most {MAX_BLOBS} are allowed",
            blobs.len()
        ));
    }
    let blobs = whole_blobs(&blobs)?;
    let commitments: Vec<Bytes48> = fields.need("commitments")?;
    let proofs: Vec<Bytes48> = fields.need("proofs")?;
    if commitments.len() != blobs.len() {
        return Err(format!(
            "commitments: {} given for {} blobs",
            commitments.len(),
            blobs.len()
        ));
    }
    if proofs.len() == blobs.len() {
        Ok(Some(BlobTransactionSidecarVariant::Eip4844(
            BlobTransactionSidecar::new(blobs, commitments, proofs),
        )))
    } else if proofs.len() == blobs.len() * CELLS_PER_EXT_BLOB {
        Ok(Some(BlobTransactionSidecarVariant::Eip7594(
            BlobTransactionSidecarEip7594::new(blobs, commitments, proofs),
        )))
    } else {
        Err(format!(
            "proofs: {} given for {} blobs, want one or {CELLS_PER_EXT_BLOB} each",
            proofs.len(),
            blobs.len()
        ))
    }
}

/// Blobs of the right length. They are copied to where they stay: a blob that is passed from function to function fills
/// a thread's stack.
fn whole_blobs(given: &[Bytes]) -> Result<Vec<Blob>, String> {
    if let Some(index) = given.iter().position(|blob| blob.len() != BYTES_PER_BLOB) {
        return Err(format!(
            "blobs: element {index} has {} bytes, want {BYTES_PER_BLOB}",
            given[index].len()
        ));
    }
    let mut blobs = vec![Blob::ZERO; given.len()];
    for (blob, bytes) in blobs.iter_mut().zip(given) {
        blob.copy_from_slice(bytes);
    }
    Ok(blobs)
}

/// The state override set of `eth_call`: address → account (geth's form).
pub(crate) fn parse_state_overrides(json: &str) -> Result<StateOverride, String> {
    let mut overrides = StateOverride::default();
    for (name, account) in Fields::parse(json)?.iter() {
        let address = Address::read(&format!("\"{name}\""))?;
        let account = account_override(account).map_err(|problem| format!("{name}: {problem}"))?;
        overrides.insert(address, account);
    }
    Ok(overrides)
}

fn account_override(json: &str) -> Result<AccountOverride, String> {
    let fields = Fields::parse(json)?;
    let slots = |name: &str| -> Result<Option<_>, String> {
        let Some(json) = fields.raw(&[name]) else {
            return Ok(None);
        };
        let mut slots = alloy::primitives::map::B256HashMap::<B256>::default();
        for (slot, value) in Fields::parse(json)?.iter() {
            let key = Slot::read(&format!("\"{slot}\""))?;
            slots.insert(B256::from(key.0), Word::read(value)?.0);
        }
        Ok(Some(slots))
    };
    Ok(AccountOverride {
        balance: fields.get(&["balance"])?,
        nonce: fields.get(&["nonce"])?,
        code: fields.get(&["code"])?,
        state: slots("state")?,
        state_diff: slots("stateDiff")?,
        move_precompile_to: fields.get(&["movePrecompileToAddress"])?,
    })
}

/// The block override set of `eth_call` (geth's form, and the names of execution-apis).
pub(crate) fn parse_block_overrides(json: &str) -> Result<BlockOverrides, String> {
    let fields = Fields::parse(json)?;
    let mut overrides = BlockOverrides {
        number: fields.get(&["number"])?,
        difficulty: fields.get(&["difficulty"])?,
        time: fields.get(&["time", "timestamp"])?,
        gas_limit: fields.get(&["gasLimit"])?,
        coinbase: fields.get(&["feeRecipient", "coinbase"])?,
        random: fields
            .get::<Word>(&["prevRandao", "random"])?
            .map(|word| word.0),
        base_fee: fields.get(&["baseFeePerGas", "baseFee"])?,
        blob_base_fee: fields.get(&["blobBaseFee"])?,
        ..BlockOverrides::default()
    };
    if let Some(json) = fields.raw(&["blockHash"]) {
        let mut hashes = std::collections::BTreeMap::new();
        for (number, hash) in Fields::parse(json)?.iter() {
            hashes.insert(
                super::Cheat::<u64>::read(&format!("\"{number}\""))?.0,
                B256::read(hash)?,
            );
        }
        overrides.block_hash = Some(hashes);
    }
    Ok(overrides)
}
