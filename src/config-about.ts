import * as z from 'zod'
import type { SettingInfo } from './config-sources.ts'

/** What is known of each setting, by its schema. */
export const about = z.registry<SettingInfo>()

/** What a switch takes. */
export const FLAG_WANTED = 'true, false, 1, 0, yes or no'

/** What a key is given as. */
export const KEY_WANTED = '32 random bytes as 43 base64url or 64 hexadecimal characters'
